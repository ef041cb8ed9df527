"""Running containers, and how the metadata service is reached from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.imds import Family
from imds_probe.facts.sdk_settings import SdkSettings, by_names
from imds_probe.facts.section import NEEDED, Section
from imds_probe.facts.shapes import Count, HopLimit, Milliseconds, Seconds

ContainerNetwork = Literal["host", "own", "unknown"]
ContainerToken = Literal["ok", "lost", "refused", "unreachable", "disabled", "answered-by-proxy", "error"]


# Hops beyond the instance from which on a measured distance has to be explained by the way that leads there: it takes a
# hop limit above 3, which nobody shall set because something on the way says so.
FAR = 3


@dataclass(frozen=True)
class Hop:
    """One network namespace that a request passes: what it is called, and the interfaces by which the request comes in
    (empty where it begins) and leaves.
    """

    place: str
    incoming: str
    outgoing: str


@dataclass(frozen=True)
class Reach:
    """The outcome of the token request from one network namespace at one address of the service.

    `distance` is in hops further than the instance itself, by the TTL of the SYN-ACK: measured, whatever became of the
    answer. `expected` is what distance and hop limit say about the answer, None where one of them is not known.

    `confirmed` says whether the host saw the connection reach the service, or an interface that leads past the host did.
    None where nothing took the connection, and in reports of releases that did not look. `way` has the namespaces from there
    to the host, both included, where they explain a distance of 3 hops or more.

    `routers` is how many routers links and routes show between there and the service, beside those before the instance: None
    where they could not be followed. `ttls_changed` says that the TTLs which came in do not go together, or not with the
    routers: something on the way writes them, and no distance comes of them. `taken_inside`: no token came, and who took the
    connection is in the container's own network. `token_is_the_services`: asked from the host, the service knew the token that a
    proxy had given, so the proxy passes token requests on. None where it was not asked, or did not say.
    """

    family: Family
    token: ContainerToken
    detail: str
    distance: Count | None = None
    needs_hop_limit: HopLimit | None = None
    expected: Literal["ok", "lost"] | None = None
    status: int | None = None  # of HTTP, where something answered
    answered_by: str | None = None
    latency_ms: Milliseconds | None = None
    confirmed: bool | None = None
    way: tuple[Hop, ...] = ()
    routers: Count | None = None
    ttls_changed: bool = False
    taken_inside: bool = False
    token_is_the_services: bool | None = None

    @property
    def relayed(self) -> bool:
        """Whether somebody in the service's place took the connection and brought the token, or lost it."""
        return self.confirmed is False and self.token in ("ok", "lost")

    @property
    def explained(self) -> bool:
        """Whether the distance is one that links and routes bear out, or too short to be wondered at."""
        return self.distance is None or self.distance < FAR or len(self.way) == self.distance + 1

    @property
    def disagrees(self) -> bool:
        """Whether trying it gave something else than measuring it."""
        return self.expected is not None and self.token in ("ok", "lost") and self.token != self.expected


@dataclass(frozen=True)
class Container:
    """One running container, or another network namespace with a way to the service: then `runtime` says of what kind
    it is ("netns" for a named one, "unit" for a systemd unit's, "process" for any other) and `id` is its inode.

    Text comes from runtimes and containers and may be hostile. `reach` is empty where nothing was measured, which
    `not_measured` then explains. `environment` has, for each process, which of the variables that steer AWS SDKs it sets: names
    alone, an empty set for those that set none. None where no process let us look. `sdk_settings` has the same with the class of
    each value; it is empty in reports of releases that did not tell them apart. `sdks` are the AWS SDKs that its processes use,
    name and version. `calls_seen` is how often a watch saw it call the metadata service.

    `owner_uid` is the unprivileged user whose container it is: he chose its id and its name. None: root's. `inside` is the
    identity of the container that it runs in, which chose the same of it. `netns_owner_uid` is the user who made its network
    namespace and can have anything answer there; None: root did. `age_s` is for how many seconds its oldest process has run; None
    where that is not known. `own_stack` says why its programs may reach the service although a request from its network namespace
    does not, as those of gVisor and of virtual machines do; empty elsewhere.
    """

    id: str
    runtime: str
    name: str | None
    image: str | None
    pod: str | None
    namespace: str | None
    netns: int | None
    pid: int | None
    network: ContainerNetwork
    sandbox: bool = False  # holds a pod's network namespace and calls nobody
    reach: tuple[Reach, ...] = ()
    not_measured: str = ""
    environment: tuple[tuple[str, ...], ...] | None = field(default=(), metadata=NEEDED)
    sdks: tuple[str, ...] = ()
    calls_seen: Count = 0
    owner_uid: Count | None = None
    inside: str | None = None
    netns_owner_uid: Count | None = None
    sdk_settings: tuple[SdkSettings, ...] = ()
    age_s: Seconds | None = None
    own_stack: str = ""

    @property
    def told(self) -> tuple[SdkSettings, ...] | None:
        """What its processes are told, as far as they are told anything; None where no process let us look."""
        return None if self.environment is None else self.sdk_settings or by_names(self.environment)

    @property
    def identity(self) -> str:
        """What tells it from every other one, to join by."""
        return identity(self.id, self.owner_uid, self.inside)

    @property
    def title(self) -> str:
        """What people call it. May be hostile text: nothing is joined by it."""
        return title(self.id, self.name, self.pod, self.runtime, self.owner_uid, namespace=self.namespace)

    @property
    def main(self) -> Reach | None:
        """How the service is reached at the address that SDKs use unless told otherwise: the first one asked."""
        return self.reach[0] if self.reach else None

    @property
    def needs_hop_limit(self) -> int | None:
        """The hop limit that brings the token here at every address with a way here, None where it is not known."""
        return max((reach.needs_hop_limit for reach in self.reach if reach.needs_hop_limit), default=None)


@dataclass(frozen=True)
class Containers(Section):
    """All that run. `containers` is None where nobody looked, or in vain; `containers_unseen` says why there may be more of
    them, or more to know of them, and is empty where all were seen.
    """

    containers: tuple[Container, ...] | None
    containers_unseen: tuple[str, ...] = ()

    @classmethod
    def absent(cls) -> Containers:
        return cls(None)

    @property
    def seen(self) -> tuple[Container, ...]:
        """Those that were seen."""
        return self.containers or ()

    def by_identity(self, identity: str | None) -> Container | None:
        """The container of this identity, None where there is none."""
        return next((each for each in self.seen if each.identity == identity), None)


NO_CONTAINERS = ("netns", "unit", "process")  # other network namespaces: see Container
USERS = "user "  # begins the identity of a user's container
ID_SHOWN = 12  # digits, as Docker's own tools show
NAMES_MAX = 3


def identity(container_id: str, owner_uid: int | None, inside: str | None) -> str:
    """What tells a container from every other one: the runtime's id where root runs it; else that of the container that it
    runs in or the user who runs it, a slash, and the id. Ids are names of control groups, which have no slash.
    """
    if inside is not None:
        return f"{inside}/{container_id}"
    return container_id if owner_uid is None else f"{of_user(owner_uid)}/{container_id}"


def short(identity: str) -> str:
    """An identity as far as there is room for it, where nothing else is known of the container."""
    around, _, container_id = identity.rpartition("/")
    user = around if around.startswith(USERS) and "/" not in around else ""
    return container_id[:ID_SHOWN] + (f" of {user}" if user else "")


def of_user(uid: int) -> str:
    """How something is marked that an unprivileged user named: a unit, a container."""
    return f"{USERS}{uid}"


def title(
    container_id: str,
    name: str | None,
    pod: str | None,
    runtime: str,
    owner_uid: int | None = None,
    *,
    namespace: str | None,
) -> str:
    """What people call a container: its pod and name, its name, or the short form of its id; and whose it is where root
    does not run it. Names of pods are their namespace's: it stands before them. May be hostile text.
    """
    called = name or container_id[:ID_SHOWN]
    if runtime in NO_CONTAINERS:
        return f"{runtime} {called}"
    shown = f"{pod}/{called}" if pod and pod != called else called
    if pod and namespace:
        shown = f"{namespace}/{shown}"
    return shown if owner_uid is None else f"{shown} of {of_user(owner_uid)}"


def namespace_in(shown: str | None) -> str:
    """The Kubernetes namespace that a title begins with; empty where it has none, or may have none: see title."""
    namespace, *rest = (shown or "").split("/")
    return namespace if len(rest) == 2 else ""


def titles(containers: Iterable[Container]) -> str:
    """A bounded list for one sentence."""
    names = [container.title for container in containers]
    rest = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return ", ".join(names[:NAMES_MAX]) + rest
