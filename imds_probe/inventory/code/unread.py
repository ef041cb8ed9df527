"""Why code was not read, or not all of it: the closed list of reasons, each a clause."""

from __future__ import annotations

TOO_LONG = "it is too long"
TOO_MANY = "it has too many of the words that are looked for"
ODD_BYTE_CODE = "its byte code is of an unknown kind"
DAMAGED = "it is damaged"
PACKED = "it is packed"
ENCRYPTED = "it is encrypted"
UNPACKS_TOO_MUCH = "it unpacks to too much"
HIDDEN = "it could not be opened"
NO_TIME = "there was no time left"
GONE = "its file is no longer there"
BY_NAME = "it loads code by names that only running tells"
NO_SCRIPT = "its script is not known"
NO_LIST = "there is no list of its files"
FROM_ENVIRONMENT = "it takes the address of the metadata service from its environment"
FROM_SETTINGS = "it may take the address of the metadata service from its settings"
FORWARDS = "it passes on to the metadata service what others ask it"
MORE = "it has more than imds-probe reads"
NO_ROOM = "the report has no room for more of them"
KIND = "imds-probe does not read schedules of this kind"
IN_NEED = "the host was short of memory or disk space"
IMAGE = "its image was not found on the disk, and no container of it runs"
REASONS = (
    *(TOO_LONG, TOO_MANY, ODD_BYTE_CODE, DAMAGED, PACKED, ENCRYPTED, UNPACKS_TOO_MUCH, HIDDEN, NO_TIME),
    *(GONE, BY_NAME, NO_SCRIPT, NO_LIST, MORE, NO_ROOM, IMAGE, IN_NEED, KIND),
    *(FROM_ENVIRONMENT, FROM_SETTINGS, FORWARDS),
)
