"""Whether this is an EC2 instance: read from DMI and the hypervisor, before any packet is sent."""

from __future__ import annotations

from dataclasses import replace

from imds_probe.collect.collector import Collected, Collector, Option
from imds_probe.collect.context import Context
from imds_probe.collect.firmware import Seen
from imds_probe.collect.needs import Need
from imds_probe.dataclass import dataclass
from imds_probe.facts.platform import Platform
from imds_probe.reading.reader import share_of
from imds_probe.reading.task import Task

READ_S = 5.0  # takes a millisecond


@dataclass(frozen=True)
class PlatformOptions:
    """`assume_ec2`: ask the metadata address whatever the firmware says."""

    assume_ec2: bool = False


def _collect(context: Context) -> Collected:
    answer = context.reader.ask(FIRMWARE, str(context.root), [context.root], share_of(context.deadline, READ_S))
    seen = next(iter(answer.found), Seen(unanswered=answer.failed))
    found = seen.platform or Platform(False, f"the firmware could not be read: {seen.unanswered}")
    assumed = context.option(PlatformOptions).assume_ec2
    if not found.is_ec2 and (assumed or context.endpoints.given):
        found = replace(found, is_ec2=True, method="said by --assume-ec2" if assumed else "endpoint given")
    return Collected((found,), partial=seen.unanswered)


FIRMWARE: Task[str, Seen] = Task("what the firmware says", Seen, "imds_probe.collect.firmware:read_firmware")
COLLECTOR = Collector(
    id="platform",
    collect=_collect,
    gives=(Platform,),
    without="whether this is an EC2 instance",
    options=(
        Option(
            "--assume-ec2",
            PlatformOptions,
            "assume_ec2",
            {"action": "store_true", "help": "ask the metadata address even where DMI does not say EC2"},
        ),
    ),
    reads=(FIRMWARE,),
    confirms=True,
    of_host=(Need.FIRMWARE,),
)
