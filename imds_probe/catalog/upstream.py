"""Compare what a package's version says about the upstream release with an upstream figure of the catalog.

Distributions wrap upstream's number: epochs and revisions of their own, "+dfsg", "~rc1", snapshots between two
releases, "+really" after a step back. The rule here never calls an old version new: the leading dotted number is
compared as numbers, the manager's own order has to agree, and where the rest of the string leaves a doubt about the
side of the figure there is no answer.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import NamedTuple

from imds_probe.ecosystems.ecosystem import Upstream, Versions
from imds_probe.ecosystems.listed import ecosystem_of
from imds_probe.ecosystems.version_error import VersionError

_NUMBER = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})*)(.*)", re.ASCII | re.DOTALL)
_PRE_RELEASE = re.compile(r"~|(?<![a-z])(?:rc|alpha|beta|dev|pre|preview|a|b|c)(?![a-z])", re.IGNORECASE)
# A build of something between two releases: what it holds cannot be told from the release number before it.
_SNAPSHOT = re.compile(r"git|svn|bzr|hg|snap|(?<![a-z0-9])g[0-9a-f]{6,}|(?<![0-9])(?:19|20)[0-9]{6}", re.IGNORECASE)
_DATE_LIKE = 19_000_000  # 20200101 is a date, and where it stands for a release number nothing follows from it


class UpstreamOrder(NamedTuple):
    """`order` is negative, 0 or positive as the version is older, equal or newer; None where that is not clear."""

    order: int | None
    doubt: str = ""


def compare_upstream(manager: str, version: str, figure: str) -> UpstreamOrder:
    """Compare an installed version with an upstream figure, a plain dotted number. Never raises: a doubt is a value."""
    versions = ecosystem_of(manager).versions
    try:
        if versions.order is not None and versions.order_decides:
            return UpstreamOrder(versions.order(version, figure))
        upstream = versions.upstream(version)
    except VersionError as error:
        return UpstreamOrder(None, error.problem)
    match = _NUMBER.fullmatch(upstream.version)
    if not match:
        return UpstreamOrder(None, f"{upstream.version[:80]!r} does not begin with a release number")
    number, rest = numbers(match[1]), match[2]
    wanted = numbers(figure)
    order, by_date = _compare_numbers(number, wanted)
    if by_date:
        return UpstreamOrder(None, f"{match[1]} looks like a date, not like a release number")
    if versions.shorter_is_a_range and order < 0 and number == wanted[: len(number)]:
        return UpstreamOrder(None, f"{upstream.version[:80]!r} may be any release that begins with {match[1]}")
    doubt = _doubt(versions, order, rest, upstream)
    if not doubt and (versions.upstream_order(upstream.version, _same_length(upstream.version, figure)) < 0) != (
        order < 0
    ):
        doubt = f"{manager}'s order and the plain numbers disagree about {upstream.version[:80]!r} and {figure}"
    return UpstreamOrder(None, doubt) if doubt else UpstreamOrder(order)


def is_plain(version: str) -> bool:
    """Whether a version is numbers with dots between them, and nothing else: others cannot be compared with."""
    return re.fullmatch(r"[0-9]{1,18}(?:\.[0-9]{1,18})*", version, re.ASCII) is not None


def numbers(dotted: str) -> tuple[int, ...]:
    """The numbers of a plain dotted version; VersionError where it is anything else."""
    if not is_plain(dotted):
        raise VersionError(f"{dotted[:80]!r} is no plain dotted number")
    return tuple(int(part) for part in dotted.split("."))


def _compare_numbers(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, bool]:
    """The order, and whether it rests on a date in `a` that stands where `b` has a release number."""
    for left, right in zip_longest(a, b, fillvalue=0):  # 19.4 and 19.4.0 are the same release
        if left != right:
            return (1 if left > right else -1), left >= _DATE_LIKE > right
    return 0, False


def _doubt(versions: Versions, order: int, rest: str, upstream: Upstream) -> str:
    if order == 0:
        return (
            f"{upstream.version[:80]!r} is a pre-release"
            if _PRE_RELEASE.search(rest)
            else versions.doubt(upstream, rest)
        )
    if order < 0 and (_SNAPSHOT.search(rest) or _SNAPSHOT.search(upstream.revision)):
        return "it was built from a snapshot between two releases"
    return ""


def _same_length(upstream: str, figure: str) -> str:
    """The figure without zeros at its end that `upstream` does not spell: the managers call 19.4 older than 19.4.0."""
    match = _NUMBER.fullmatch(upstream)
    spelled = match[1].count(".") if match else 0
    while figure.count(".") > spelled and figure.endswith(".0"):
        figure = figure.removesuffix(".0")
    return figure
