"""User data from the service, only where a run is asked to: it holds secrets, and reading it sets off alarms.

It is handed to who reads code, and kept nowhere.
"""

from __future__ import annotations

from dataclasses import field

from imds_probe.collect.collector import Collected, Collector, Option
from imds_probe.collect.context import Context
from imds_probe.collect.instance import Identity
from imds_probe.collect.options import Service
from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.imds.replies import Outcome
from imds_probe.inventory.schedules.cloud_init_places import SERVED


@dataclass(frozen=True)
class UserDataOptions:
    """`user_data`: ask the service for it."""

    user_data: bool = False


@dataclass(frozen=True)
class UserData:
    """As the service gives it, empty where there is none. No section: it is in no report."""

    content: bytes = field(repr=False)


class NotServed(ProbeError):
    """The service did not answer with the user data."""


def is_asked_for(context: Context) -> bool:
    """Whether this run may ask for user data."""
    return context.option(UserDataOptions).user_data


def _collect(context: Context) -> Collected:
    service = context.get(Service)
    if service is None or service.client is None:
        return Collected(nothing="there was no token to ask with")
    reply = service.client.get(SERVED)
    if reply.outcome is Outcome.NOT_FOUND:
        return Collected((UserData(b""),), nothing="this instance has no user data")
    if not reply.ok:
        raise NotServed(f"the user data was not served: {reply.detail}")
    return Collected((UserData(reply.body),))


COLLECTOR = Collector(
    id="user-data",
    collect=_collect,
    gives=(UserData,),
    without="what the user data of this instance runs on each new instance",
    needs=(Service, Identity),  # who asks by the same client
    applies=lambda context: is_asked_for(context) and context.get(Service) is not None,
    options=(
        Option(
            "--user-data",
            UserDataOptions,
            "user_data",
            {
                "action": "store_true",
                "help": "fetch the user data, too, and read the code that it runs; it may hold secrets, and the request may set "
                "off alarms",
            },
        ),
    ),
    aside=True,
)
