"""The instances that there are, as `aws ec2 describe-instances` prints them: one page after the other, or a list of instances."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from imds_probe.errors import UsageError
from imds_probe.fleet import naming
from imds_probe.fleet.documents import Damaged, values
from imds_probe.fleet.hosts import Shared, template_named
from imds_probe.fleet.sources import Piece, blocks, check

# EC2 API: InstanceState. Whoever is on the way out makes no more reports.
GONE = frozenset(("shutting-down", "terminated"))
RUNNING = "running"
REMEDY = "Name what `aws ec2 describe-instances --output json` printed."
_TEMPLATE_ID, _TEMPLATE_VERSION = "aws:ec2launchtemplate:id", "aws:ec2launchtemplate:version"  # tags that EC2 sets
_REGION_OF_ZONE = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
# Tags of those that launch instances, what each says, and the tag with the cluster that its name belongs to.
_OWNERS = (
    ("karpenter.sh/nodepool", "karpenter", "eks:eks-cluster-name"),
    ("alpha.eksctl.io/nodegroup-name", "eksctl", "alpha.eksctl.io/cluster-name"),
    ("eks:nodegroup-name", "eks-node-group", "eks:cluster-name"),
    ("kops.k8s.io/instancegroup", "kops", "KubernetesCluster"),
    ("elasticbeanstalk:environment-name", "elastic-beanstalk", ""),
    ("aws:autoscaling:groupName", "auto-scaling", ""),
)


class _Tag(msgspec.Struct, gc=False, rename="pascal"):
    key: str
    value: str = ""


class _State(msgspec.Struct, gc=False, rename="pascal"):
    name: str = ""


class _Options(msgspec.Struct, gc=False, rename="pascal"):
    http_tokens: str = ""
    http_put_response_hop_limit: int = 0
    http_endpoint: str = ""


class _Placement(msgspec.Struct, gc=False, rename="pascal"):
    availability_zone: str = ""


class _Operator(msgspec.Struct, gc=False, rename="pascal"):
    managed: bool = False
    principal: str = ""


class _Described(msgspec.Struct, gc=False, rename="pascal"):
    instance_id: str
    image_id: str = ""
    instance_type: str = ""
    launch_time: str = ""
    platform: str = ""
    platform_details: str = ""
    state: _State = msgspec.field(default_factory=_State)
    metadata_options: _Options | None = None
    placement: _Placement | None = None
    operator: _Operator | None = None
    tags: tuple[_Tag, ...] = ()
    owner_id: str = ""


class _Reservation(msgspec.Struct, gc=False, rename="pascal"):
    instances: tuple[_Described, ...] = ()
    owner_id: str = ""


class Instance(msgspec.Struct, gc=False):
    """One instance. `launched_at` is when it was last started, in seconds since the epoch, 0 where that is not said. `cannot` says
    why no report can come from it, and is empty where one can. `tags` are the values of the tags that were asked for, in their
    order. `template` is the launch template that it was made from, `next_template` the one that its group launches from now, each
    "ID:VERSION"; for a group without such a one, see launching.next_template. A hop limit of 0, and empty text, is not known.
    """

    instance_id: str
    state: str
    launched_at: int
    tokens: str
    hop_limit: int
    endpoint: str
    cannot: str
    account: str
    region: str
    ami: str
    instance_type: str
    owner: str
    tags: tuple[str, ...] = ()
    template: str = ""
    next_template: str = ""


class Listed(dict[str, Instance]):
    """Instances by their ids, and of which accounts and Regions they are all; an empty Region stands for all of an account's.
    None: whoever made the list has seen to that.
    """

    asked: frozenset[tuple[str, str]] | None = None

    def covers(self, account: str, region: str) -> bool:
        """Whether an instance of this account and Region would be here. Of what is not known, nobody can say that it would not."""
        if self.asked is None:
            return True
        return any((region in ("", here) or not here) and account in ("", owner) for owner, here in self.asked)

    def with_file(self, listed: Listed) -> Listed:
        """What EC2 said, and of accounts and Regions that it was not asked about what files say. A file has all Regions of an
        account that EC2 was not asked about at all; of one that it was, those that the file has instances in.
        """
        asked = self.asked or frozenset()
        accounts = {account for account, _ in asked}
        made = Listed(self)
        rest = {key: each for key, each in listed.items() if not self.covers(each.account, each.region)}
        for key, each in rest.items():
            made.setdefault(key, each)
        made.asked = asked | {(each.account, each.region if each.account in accounts else "") for each in rest.values()}
        return made


def covers(instances: Mapping[str, Instance], account: str, region: str) -> bool:
    """See Listed."""
    return not isinstance(instances, Listed) or instances.covers(account, region)


def described(paths: Sequence[str], tags: Sequence[str] = ()) -> Listed:
    """All instances that are not gone, by their ids; of several files, the later one counts. Raises UsageError: a list that is
    damaged would make hosts look gone.
    """
    check(paths, REMEDY)
    found, shared = Listed(), _Texts()
    for path in paths:
        try:
            for each, account in _each(path):
                _note(found, each, account, tags, shared)
        except Damaged as damaged:
            raise UsageError(
                f"{path} cannot be used, byte {damaged.at}: {damaged.reason}",
                REMEDY,
            ) from None
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}", "Name a file that can be read.") from None
    if not found:
        raise UsageError(f"no instance is in {', '.join(paths[:5])}", REMEDY)
    return found


class Noting:
    """Reservations as they come from EC2, put on a list."""

    def __init__(self, tags: Sequence[str] = ()) -> None:
        self.found, self._tags, self._shared = Listed(), tags, _Texts()

    def add(self, reservation: Mapping[str, Any], region: str) -> None:
        """One of an answer of this Region's, with its times as text. Raises ValueError, a clause, for what makes no sense."""
        try:
            read = msgspec.convert(reservation, _Reservation)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ValueError(f"an instance of the answer makes no sense: {str(error)[:150]}") from None
        for each in read.instances:
            _note(self.found, each, read.owner_id, self._tags, self._shared)
            if (made := self.found.get(naming.text(each.instance_id))) is not None:
                made.region = region


def _note(found: Listed, each: _Described, account: str, tags: Sequence[str], shared: _Texts) -> None:
    if each.state.name in GONE:
        found.pop(each.instance_id, None)
    else:
        found[each.instance_id] = _instance(each, account, tags, shared)


def owner_by(tags: Mapping[str, str]) -> str:
    """Who launched what has these tags, kind and name; empty where they do not say."""
    return naming.text(_owner(tags))


def _each(path: str) -> Iterator[tuple[_Described, str]]:
    for at, value in values(blocks(Piece(path))):
        is_reservation = isinstance(value, dict) and "Instances" in value
        try:
            if is_reservation:
                reservation = msgspec.convert(value, _Reservation)
                for each in reservation.instances:
                    yield each, reservation.owner_id
            elif isinstance(value, list):  # --query 'Reservations[].Instances'
                for each in msgspec.convert(value, tuple[_Described, ...]):
                    yield each, each.owner_id
            else:
                each = msgspec.convert(value, _Described)
                yield each, each.owner_id
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Damaged(at, f"it is no instance: {str(error)[:150]}") from None


class _Texts(Shared):
    def text(self, value: str) -> str:
        return self.one(naming.text(value))


def _instance(each: _Described, account: str, tags: Sequence[str], shared: _Texts) -> Instance:
    options, zone = each.metadata_options, each.placement.availability_zone if each.placement else ""
    region = _REGION_OF_ZONE.match(zone)
    own = {tag.key: tag.value for tag in each.tags}
    return Instance(
        instance_id=naming.text(each.instance_id),
        state=shared.text(each.state.name),
        launched_at=_moment(each.launch_time),
        tokens=shared.text(options.http_tokens) if options else "",
        hop_limit=options.http_put_response_hop_limit if options else 0,
        endpoint=shared.text(options.http_endpoint) if options else "",
        cannot=shared.text(_cannot(each)),
        account=shared.text(account),
        region=shared.text(region[0] if region else ""),
        ami=shared.text(each.image_id),
        instance_type=shared.text(each.instance_type),
        owner=shared.text(_owner(own)),
        tags=tuple(shared.text(own.get(key, "")) for key in tags),
        template=shared.text(template_named(own.get(_TEMPLATE_ID, ""), own.get(_TEMPLATE_VERSION, ""))),
    )


def _owner(tags: Mapping[str, str]) -> str:
    for key, kind, of_cluster in _OWNERS:
        if name := tags.get(key):
            return f"{kind} {'/'.join(filter(None, (tags.get(of_cluster), name)))}"
    return ""


def _cannot(each: _Described) -> str:
    """What imds-probe does not run on."""
    if each.platform.lower() == "windows":
        return "Windows"
    if each.instance_type.startswith("mac"):
        return "macOS"
    if each.operator is not None and each.operator.managed:
        return f"managed by {each.operator.principal or 'an AWS service'}"
    return ""


def _moment(said: str) -> int:
    try:
        return int(datetime.datetime.fromisoformat(said).timestamp())
    except (ValueError, OverflowError):
        return 0
