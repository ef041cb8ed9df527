"""kube2iam and kiam by the versions that their images are tagged with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import Reach
from imds_probe.facts.facts import Facts
from imds_probe.facts.obstacles import PathObstacle
from imds_probe.rules.relays import seen_obstacles

if TYPE_CHECKING:
    from packaging.version import Version


@dataclass(frozen=True)
class Since:
    """Since when a proxy passes its clients' token requests, and since when its own calls speak IMDSv2. `majors` are all first
    numbers that its releases ever had: both are no longer developed.
    """

    passes: str
    speaks: str
    majors: range


# github.com/jtblin/kube2iam: commits bd376a1 (in 0.10.11) and 0bf7505 (in 0.12.0).
# github.com/uswitch/kiam: CHANGELOG.md 3.6 (pull request 381); go.mod of 4.0 has an SDK that speaks IMDSv2, 3.6 has not.
_PROXIES = {"kube2iam": Since("0.10.11", "0.12.0", range(1)), "kiam": Since("3.6", "4.0", range(1, 5))}
# One number alone is a build's or a date, and a long one is a date: neither is a release.
_TAG = re.compile(r":v?(\d{1,3}\.\d{1,3}(?:\.[\w.]*)?)(?:@|$|-)")


@dataclass(frozen=True)
class KnownProxy:
    """One that runs here. `version` is None where nothing names it."""

    name: str
    since: Since
    version: Version | None

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def passes(self) -> bool:
        """Whether this version is known to pass token requests."""
        return self._is_from(self.since.passes)

    @property
    def speaks(self) -> bool:
        """Whether this version is known to speak IMDSv2 by itself."""
        return self._is_from(self.since.speaks)

    def _is_from(self, other: str) -> bool:
        return self.version is not None and self.version >= type(self.version)(other)


def known_proxy(obstacle: PathObstacle) -> KnownProxy | None:
    """The proxy that an obstacle is; None where it is none, or only a guess."""
    name = next((name for name in _PROXIES if obstacle.kind == "proxy" and obstacle.quote.startswith(name)), "")
    return KnownProxy(name, _PROXIES[name], _version(obstacle.image, name)) if name else None


def proxies_speak(facts: Facts) -> bool:
    """Whether proxies are known to run here to which rules bring requests, and all of them speak IMDSv2."""
    there = [known_proxy(each) for each in seen_obstacles(facts) if each.kind == "proxy" and each.certain]
    return bool(there) and all(each is not None and each.speaks for each in there)


def passes_on(reach: Reach, facts: Facts) -> bool:
    """Whether the proxy that gave a token there is one that passes requests on: the service itself knew the token. kube2iam and
    kiam pass a token request on as well, and yet ask for other things by themselves: of these the version decides.
    """
    if not reach.token_is_the_services or any(name in (reach.answered_by or "").casefold() for name in _PROXIES):
        return False
    there = [known_proxy(each) for each in seen_obstacles(facts)]
    return all(each is None or each.speaks for each in there)


def _version(image: str | None, name: str) -> Version | None:
    """The version that the tag of a proxy's image names, None where it names none ("latest", a digest, a date, the number of a
    build), and where the image is called otherwise: then its version is that of something else.
    """
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 - most hosts have no proxy

    last = (image or "").rpartition("/")[2]
    match = _TAG.search(last)
    try:
        version = Version(match[1]) if match and name in last.partition(":")[0] else None
    except InvalidVersion:
        return None
    return version if version is not None and version.major in _PROXIES[name].majors else None
