"""What will launch the next hosts, and whether these will serve IMDSv1 again. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from imds_probe.aws.account import Group, LaunchedBy
from imds_probe.dataclass import dataclass
from imds_probe.facts.control_plane import AccountDefaults
from imds_probe.fleet import naming
from imds_probe.fleet.bounded import NAMED_MAX
from imds_probe.fleet.hosts import template_named
from imds_probe.fleet.instances import owner_by

# What becomes of tokens on the next instance, the worst first: EC2 refuses to launch where the account enforces tokens and a
# template makes them optional.
OPTIONAL, NOT_KNOWN, BY_IMAGE, REFUSED, REQUIRED = "optional", "unknown", "image", "refused", "required"
OFF, DISABLED = "off", "disabled"
_WORST = (OPTIONAL, NOT_KNOWN, BY_IMAGE, REFUSED, REQUIRED, OFF)
# What a group launches from, where that is not one template of which the version is known.
OTHERS, NO_ANSWER = "others", "no answer"


@dataclass(frozen=True)
class Launcher:
    """A group, what it launches from, and whether its next instance will require tokens: "optional", "required", "image" where
    only the AMI's ImdsSupport decides, "refused" where the account enforces what the template contradicts, "off" where the
    metadata service will not answer at all, or "unknown".
    `decided_by` is "template", "account" or "image". `hosts` are its instances of today.
    """

    account: str
    region: str
    owner: str
    launched_from: str
    tokens: str
    decided_by: str
    hosts: int


@dataclass(frozen=True)
class Default:
    """What an account has for instances whose template says nothing. None: no preference, or not known."""

    account: str
    region: str
    http_tokens: str | None
    enforced: bool | None
    managed_by: str | None


@dataclass(frozen=True)
class NotAsked:
    """What AWS did not answer in a Region, and why, a clause. Without an action, the whole Region was not asked."""

    region: str
    action: str
    reason: str


@dataclass(frozen=True)
class Launching:
    """All groups: by `tokens` how many there are. `by_v1` are those whose next instances will serve IMDSv1, those with most hosts
    first, and `hosts_by_v1` their instances of today.
    """

    groups: int
    tokens: tuple[tuple[str, int], ...]
    hosts_by_v1: int
    by_v1: tuple[Launcher, ...]
    left_out: int
    defaults: tuple[Default, ...]
    not_answered: tuple[NotAsked, ...]


def launcher(account: str, region: str, group: Group, defaults: AccountDefaults | None) -> Launcher:
    """The worst of what a group may launch from counts."""
    decided = [(*_decided(each, defaults), _in_words(each)) for each in group.launches] or [(NOT_KNOWN, "", "")]
    tokens, by, launched_from = min(decided, key=lambda each: _WORST.index(each[0]))
    owner = owner_by({**group.tags, "aws:autoscaling:groupName": group.name})
    return Launcher(account, region, owner, launched_from, tokens, by, len(group.instance_ids))


def next_template(group: Group) -> str:
    """The one launch template of a group as ID:VERSION; OTHERS where it has several, or a launch configuration, and NO_ANSWER where
    its version is not known. Never empty: that is a group of which nobody was asked.
    """
    named = {(each.template_id, template_named(each.template_id, each.version)) for each in group.launches}
    ids = {template_id for template_id, _ in named}
    if len(ids) > 1 or "" in ids:
        return OTHERS
    names = {name for _, name in named}
    if not names or "" in names:
        return NO_ANSWER
    return naming.text(next(iter(names))) if len(names) == 1 else OTHERS


def launching(
    launchers: Sequence[Launcher], defaults: Iterable[Default], not_answered: Iterable[NotAsked]
) -> Launching:
    """All of it in one."""
    by_v1 = sorted(
        (each for each in launchers if each.tokens == OPTIONAL), key=lambda each: (-each.hosts, each.region, each.owner)
    )
    counted = Counter(each.tokens for each in launchers)
    return Launching(
        groups=len(launchers),
        tokens=tuple((tokens, counted[tokens]) for tokens in _WORST if counted[tokens]),
        hosts_by_v1=sum(each.hosts for each in by_v1),
        by_v1=tuple(by_v1[:NAMED_MAX]),
        left_out=max(0, len(by_v1) - NAMED_MAX),
        defaults=tuple(defaults),
        not_answered=tuple(not_answered),
    )


def _decided(source: LaunchedBy, defaults: AccountDefaults | None) -> tuple[str, str]:
    """What the template says comes first, then the account, then the AMI: EC2 User Guide, "Order of precedence for instance
    metadata options".
    """
    if source.options is None:
        return NOT_KNOWN, ""
    said, endpoint = source.options.http_tokens, source.options.http_endpoint
    if said == OPTIONAL and defaults is not None and defaults.http_tokens_enforced:
        return REFUSED, "template"
    if endpoint == DISABLED:
        return OFF, "template"
    if endpoint is None and defaults is not None and defaults.options.http_endpoint == DISABLED:
        return OFF, "account"
    if said is not None:
        return said, "template"
    if defaults is None:
        return NOT_KNOWN, ""
    if defaults.options.http_tokens is not None:
        return defaults.options.http_tokens, "account"
    return BY_IMAGE, "image"


def _in_words(source: LaunchedBy) -> str:
    if not source.template_id:
        return naming.text(f"launch configuration {source.name}")
    version = f" version {source.version}" if source.version is not None else ""
    return naming.text(f"{source.name or source.template_id}{version}")
