import pytest
from contexts import collected, context
from observed import PLATFORM

from imds_probe.collect.code import COLLECTOR as CODE
from imds_probe.collect.instance import Identity
from imds_probe.collect.options import Service
from imds_probe.collect.user_data import COLLECTOR, UserData, UserDataOptions
from imds_probe.imds.replies import Outcome, Reply

ASKED = {"options": (UserDataOptions(True),)}


class Client:
    """One that answers so, and says which paths it was asked for."""

    def __init__(self, reply):
        self.reply, self.paths = reply, []

    def get(self, path):
        self.paths.append(path)
        return self.reply


def given(tmp_path, client, **request):
    return context(tmp_path, PLATFORM, Service(client, ()), Identity(None), **request)


def test_it_is_asked_for_only_by_the_option(tmp_path):
    client = Client(Reply(Outcome.OK, "", body=b"#!/bin/sh\n"))
    assert not COLLECTOR.applies(given(tmp_path, client))
    asked = given(tmp_path, client, **ASKED)
    assert COLLECTOR.applies(asked)
    assert CODE.applies(asked)
    assert collected(asked, [COLLECTOR])["user-data"].status == "ok"
    assert (asked.get(UserData).content, client.paths) == (b"#!/bin/sh\n", ["/latest/user-data"])


def test_it_is_not_asked_for_elsewhere(tmp_path):
    assert not COLLECTOR.applies(context(tmp_path, PLATFORM, **ASKED))


@pytest.mark.parametrize(
    ("client", "status", "reason"),
    [
        (None, "nothing", "there was no token to ask with"),
        (Client(Reply(Outcome.NOT_FOUND, "HTTP status 404")), "nothing", "this instance has no user data"),
        (
            Client(Reply(Outcome.GARBAGE, "body longer than 65536 bytes")),
            "failed",
            "the user data was not served: body longer than 65536 bytes",
        ),
    ],
)
def test_why_there_is_none(tmp_path, client, status, reason):
    run = collected(given(tmp_path, client, **ASKED), [COLLECTOR])["user-data"]
    assert (run.status, run.reason.rstrip(".")) == (status, reason)


def test_it_does_not_show_itself():
    assert "hunter2" not in repr(UserData(b"password=hunter2"))
