"""What EC2 and Auto Scaling say of all instances of an account in one Region, and of what launches the next ones: read only, page
by page. What is refused keeps no other call from being made.
"""

from __future__ import annotations

import datetime
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from imds_probe.aws.calls import DENIED, THROTTLED, CallError, call
from imds_probe.aws.clients import Aws
from imds_probe.aws.control_plane import account_of, options_of, text_of, with_managed
from imds_probe.dataclass import dataclass
from imds_probe.facts.control_plane import AccountDefaults, MetadataOptions, NotAnswered

T = TypeVar("T")
# For so long one call is tried again while the account's allowance is used up: everybody in it shares that.
PATIENCE_S = 180.0
PAUSE_S = 3.0
READ_AGAIN = 3  # times, where an answer broke off: reading twice does no harm
INSTANCES_A_PAGE, GROUPS_A_PAGE, CONFIGURATIONS_A_CALL = 1000, 100, 50  # the most that each takes
_OFF = ("not-opted-in",)


@dataclass(frozen=True)
class LaunchedBy:
    """What a group launches its next instances from: a template's version, or a launch configuration. `options` is None where
    nothing could be read of it. `version` is the number that it comes to now.
    """

    template_id: str = ""
    name: str = ""
    version: int | None = None
    options: MetadataOptions | None = None


@dataclass(frozen=True)
class Group:
    """An Auto Scaling group: its name and tags, the instances in it, and what it launches from; overrides have templates of their
    own.
    """

    name: str
    tags: Mapping[str, str]
    instance_ids: tuple[str, ...]
    launches: tuple[LaunchedBy, ...]


class InRegion:
    """The calls in one Region. Raises CallError where AWS cannot be asked anything; what else failed is in `not_answered`."""

    def __init__(self, aws: Aws, sleep: Callable[[float], None] = time.sleep) -> None:
        self._aws, self._sleep = aws, sleep
        self._clients: dict[str, Any] = {}
        self.not_answered: list[NotAnswered] = []

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._aws.client(service)
        return self._clients[service]

    def account(self) -> str:
        """Its id. Raises CallError where the credentials are worth nothing."""
        client = self._client("sts")
        return str(self._ask(client.get_caller_identity)["Account"])

    def regions(self) -> dict[str, bool] | None:
        """Each Region that there is, and whether the account has it; None where nobody says."""
        client = self._client("ec2")
        answer = self._tried("ec2:DescribeRegions", lambda: client.describe_regions(AllRegions=True))
        if answer is None:
            return None
        listed = answer.get("Regions", ())
        return {str(each.get("RegionName")): each.get("OptInStatus") not in _OFF for each in listed}

    def reservations(self) -> Iterator[Mapping[str, Any]]:
        """All of them, as EC2 has them. Where it breaks off, `not_answered` says so."""
        client = self._client("ec2")
        managed = with_managed(client, "DescribeInstances")

        def page(more: Mapping[str, str]) -> Any:
            return client.describe_instances(MaxResults=INSTANCES_A_PAGE, **managed, **more)

        yield from self._pages("ec2:DescribeInstances", page, "Reservations")

    def defaults(self) -> AccountDefaults | None:
        """None where nobody says."""
        client = self._client("ec2")
        answer = self._tried(
            "ec2:GetInstanceMetadataDefaults", lambda: client.get_instance_metadata_defaults(DryRun=False)
        )
        return None if answer is None else account_of(answer)

    def groups(self) -> list[Group] | None:
        """All Auto Scaling groups; None where nobody says which there are."""
        client = self._client("autoscaling")
        failed = len(self.not_answered)

        def page(more: Mapping[str, str]) -> Any:
            return client.describe_auto_scaling_groups(MaxRecords=GROUPS_A_PAGE, **more)

        said = list(self._pages("autoscaling:DescribeAutoScalingGroups", page, "AutoScalingGroups"))
        if len(self.not_answered) > failed:
            return None
        templates = self._templates([which for each in said for which in _templates_named(each)])
        configurations = self._configurations(
            sorted({name for each in said if (name := each.get("LaunchConfigurationName"))})
        )
        return [_group(each, templates, configurations) for each in said]

    def _templates(self, named: Iterable[tuple[str, str]]) -> dict[tuple[str, str], LaunchedBy]:
        """By id and by the version as it is named. Each is a call: EC2 refuses all of a call where one of them was deleted."""
        read = {each: self._version(*each) for each in sorted(set(named))}
        return {each: version for each, version in read.items() if version is not None}

    def _version(self, template_id: str, version: str) -> LaunchedBy | None:
        client = self._client("ec2")
        answer = self._tried(
            "ec2:DescribeLaunchTemplateVersions",
            lambda: client.describe_launch_template_versions(
                LaunchTemplateId=template_id,
                Versions=[version],
                **with_managed(client, "DescribeLaunchTemplateVersions"),
            ),
        )
        said = next(iter((answer or {}).get("LaunchTemplateVersions", ())), None)
        if said is None:
            return None
        number = said.get("VersionNumber")
        return LaunchedBy(
            template_id,
            text_of(said.get("LaunchTemplateName")) or "",
            number if isinstance(number, int) else None,
            options_of((said.get("LaunchTemplateData") or {}).get("MetadataOptions") or {}),
        )

    def _configurations(self, names: Sequence[str]) -> dict[str, LaunchedBy]:
        client = self._client("autoscaling")
        found: dict[str, LaunchedBy] = {}
        for at in range(0, len(names), CONFIGURATIONS_A_CALL):
            some = names[at : at + CONFIGURATIONS_A_CALL]
            answer = self._tried(
                "autoscaling:DescribeLaunchConfigurations",
                lambda some=some: client.describe_launch_configurations(LaunchConfigurationNames=list(some)),  # type: ignore[misc]
            )
            for said in (answer or {}).get("LaunchConfigurations", ()):
                name = str(said.get("LaunchConfigurationName"))
                options = options_of(said.get("MetadataOptions") or {})
                found[name] = LaunchedBy(name=text_of(name) or "", options=options)
        return found

    def _pages(self, action: str, page: Callable[[Mapping[str, str]], Any], key: str) -> Iterator[Mapping[str, Any]]:
        token: str | None = None
        seen: set[str] = set()
        while True:
            more = {"NextToken": token} if token else {}
            answer = self._tried(action, lambda more=more: page(more))  # type: ignore[misc]
            if answer is None:
                return
            yield from answer.get(key, ())
            token = answer.get("NextToken")
            if not token:
                return
            if token in seen:
                self.missing(action, "the same page came twice")
                return
            seen.add(token)

    def _tried(self, action: str, operation: Callable[[], T]) -> T | None:
        try:
            return self._ask(operation)
        except CallError as error:
            if not error.code and error.outcome == "later":
                raise  # nobody answers here at all, or there are no credentials
            why = f"not allowed ({error.code})" if error.code in DENIED else error.problem
            self.missing(action, why)
            return None

    def missing(self, action: str, why: str) -> None:
        """It brought nothing, and why, a clause; once for each action and reason."""
        if (found := NotAnswered(action, why)) not in self.not_answered:
            self.not_answered.append(found)

    def _ask(self, operation: Callable[[], T]) -> T:
        end = time.monotonic() + PATIENCE_S
        broken_off = 0
        while True:
            try:
                return call(operation, deadline=end, renew=lambda: None)
            except CallError as error:
                broken_off += error.outcome == "in-doubt"
                again = error.code in THROTTLED or (error.outcome == "in-doubt" and broken_off < READ_AGAIN)
                if not again or time.monotonic() + PAUSE_S >= end:
                    raise
            self._sleep(random.uniform(0.5, 1) * PAUSE_S)  # noqa: S311 - spreads load


def in_text(reservation: Mapping[str, Any]) -> dict[str, Any]:
    """A reservation with its times as the AWS CLI prints them."""
    instances = [
        {key: value.isoformat() if isinstance(value, datetime.datetime) else value for key, value in each.items()}
        for each in reservation.get("Instances", ())
    ]
    return {**reservation, "Instances": instances}


def _specifications(group: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The templates as a group names them. An override without one takes that of the whole policy."""
    mixed = (group.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    for each in (
        group.get("LaunchTemplate"),
        mixed.get("LaunchTemplateSpecification"),
        *(override.get("LaunchTemplateSpecification") for override in mixed.get("Overrides", ())),
    ):
        if each and each.get("LaunchTemplateId"):
            yield each


def _templates_named(group: Mapping[str, Any]) -> list[tuple[str, str]]:
    named = ((str(each["LaunchTemplateId"]), str(each.get("Version") or "$Default")) for each in _specifications(group))
    return list(dict.fromkeys(named))


def _group(
    said: Mapping[str, Any],
    templates: Mapping[tuple[str, str], LaunchedBy],
    configurations: Mapping[str, LaunchedBy],
) -> Group:
    launches = [
        templates.get(each, LaunchedBy(each[0], version=int(each[1]) if each[1].isdigit() else None))
        for each in _templates_named(said)
    ]
    if name := said.get("LaunchConfigurationName"):
        launches.append(configurations.get(name, LaunchedBy(name=text_of(name) or "")))
    return Group(
        text_of(said.get("AutoScalingGroupName")) or "",
        {str(tag.get("Key")): str(tag.get("Value") or "") for tag in said.get("Tags", ())},
        tuple(str(each.get("InstanceId")) for each in said.get("Instances", ())),
        tuple(launches),
    )
