"""What a sink says of itself, once: configuration, units, policies and manual are made of it, or held to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from imds_probe.config.keys import Section
from imds_probe.config.settings import Settings
from imds_probe.dataclass import dataclass

if TYPE_CHECKING:
    from imds_probe.sinks.sink import Sink


@dataclass(frozen=True)
class Policy:
    """Rights on AWS that are given together, in packaging/iam/NAME.json.

    `actions` as "service:Operation", each of which a call of the sink's module needs; `resources` with the names that the
    configuration has as shipped, in any account and Region, and a word in capitals for a name that it leaves open. `conditions`:
    IAM's, the keys and values of each by its operator. `denied`: of what `resources` match, where `denied_action`
    is denied all the same; a second statement, named `denial`, has them.
    """

    name: str
    statement: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    denial: str = ""
    denied_action: str = ""
    denied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Declaration:
    """`purpose`: what it gets and where that goes, the rest of a sentence. `make(settings, environ)` only looks at what it is
    given: it reads no file and opens no connection.

    `settings`: its own section, whose keys are in a table of the sink's name; `shared`: other sections that it reads.
    `paths`: the directories that it writes to as configured or found without any setting, for the units. `costs`: what AWS
    charges for, a sentence.
    """

    name: str
    purpose: str
    make: Callable[[Settings, Mapping[str, str]], Sink]
    settings: type[Section] | None = None
    shared: tuple[type[Section], ...] = ()
    policies: tuple[Policy, ...] = ()
    paths: tuple[str, ...] = ()
    costs: str = ""
