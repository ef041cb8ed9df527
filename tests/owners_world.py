"""Hosts as users may make them, for property tests: who can put a process where, by the kernel's rules.

Root puts any process anywhere. A user makes control groups, of any name, below the directories that were handed to him alone,
and puts his own processes there alone: cgroups(7), "Delegation containment".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from imds_probe.inventory.containers.cgroups import membership_of
from imds_probe.inventory.containers.processes import Process

HOST_MNTNS, HOST_USERNS = 1, 2
USERS = (4242, 4243)
IDS = ("a" * 64, "0123456789abcdef" * 4)
POD = "0a1b2c3d-0000-1111-2222-333344445555"
# What root makes: each runtime's containers, units and sessions.
OF_ROOT = (
    *(f"/docker/{each}" for each in IDS),
    *(f"/system.slice/docker-{each}.scope" for each in IDS),
    *(f"/kubepods.slice/kubepods-pod{POD.replace('-', '_')}.slice/cri-containerd-{each}.scope" for each in IDS),
    *(f"/machine.slice/libpod-{each}.scope/container" for each in IDS),
    "/system.slice/amazon-ssm-agent.service",
    "/system.slice/docker.service",
    "/init.scope",
    "/default/web",
)
BUNDLE = ("default", "web")  # containerd's

SESSIONS = tuple(f"/user.slice/user-{user}.slice/session-1.scope" for user in USERS)
MANAGERS = {user: f"/user.slice/user-{user}.slice/user@{user}.service" for user in USERS}
UNITS = {user: f"/system.slice/app-{user}.service" for user in USERS}  # with Delegate= and User=
GROUPS = {user: f"/batch/job-{user}" for user in USERS}  # handed over by chown
NAMES = (
    *(f"docker-{each}.scope" for each in IDS),
    *IDS,
    *("docker", "kubepods", f"pod{POD}", "default", "buildkit", "ecs", "lxc", "payload"),
    *(f"libpod-{each}.scope" for each in IDS),
    *("user.slice", "user-0.slice", "user-4242.slice", "user@0.service", "user@4243.service", "system.slice"),
    *(
        "amazon-ssm-agent.service",
        "lxc.payload.web",
        "machine-web.scope",
        "systemd-nspawn@web.service",
        "session-1.scope",
    ),
)


@dataclass(frozen=True)
class Put:
    """A process, the path that it was put at and who did: None for root."""

    by: int | None
    path: str
    real_uid: int
    uid: int
    userns_maker: int | None
    mntns: int
    comm: str


def owner_of(path: Sequence[str]) -> int:
    """Who owns a directory of these hosts, or the outermost that is not root's: OwnerOf."""
    whole = "/" + "/".join(path) + "/"
    for handed in (MANAGERS, UNITS, GROUPS):
        for user, place in handed.items():
            if whole.startswith(f"{place}/"):
                return user
    return 0


def puts(*, handed_by_chown: bool = True) -> st.SearchStrategy[Put]:
    """Processes as root and users may put them. `handed_by_chown`: also into groups that neither path nor unit tells of."""
    comms = st.sampled_from(("app", "pause", "runc:[2:INIT]", "conmon", "dockerd", "systemd"))
    by_root = st.builds(
        Put,
        st.none(),
        st.sampled_from(OF_ROOT),
        st.sampled_from((0, 1000, *USERS)),
        st.sampled_from((0, 1000)),
        st.sampled_from((None, 0)),
        st.sampled_from((HOST_MNTNS, 7, 8)),
        comms,
    )
    return st.one_of(by_root, *(_by_user(user, comms, handed_by_chown=handed_by_chown) for user in USERS))


def _by_user(user: int, comms: st.SearchStrategy[str], *, handed_by_chown: bool) -> st.SearchStrategy[Put]:
    handed = [MANAGERS[user], UNITS[user], *([GROUPS[user]] if handed_by_chown else [])]
    below = st.lists(st.sampled_from(NAMES), max_size=4).map(lambda names: "".join(f"/{name}" for name in names))
    return st.builds(
        Put,
        st.just(user),
        st.tuples(st.sampled_from(handed), below).map("".join),
        st.just(user),
        st.sampled_from((user, 0)),  # a program with the set-user-ID bit
        st.sampled_from((None, user)),
        st.sampled_from((HOST_MNTNS, 9)),
        comms,
    ).filter(lambda put: put.mntns == HOST_MNTNS or put.userns_maker == user)  # mounts of his own need that


def process(pid: int, put: Put, *, owners_seen: bool) -> Process:
    """As a walk has it, where the owners of control groups can be seen or not."""

    def owner(hierarchy: str, controllers: str, names: Sequence[str]) -> int | None:
        return owner_of(names) if owners_seen else None

    return Process(
        pid=pid,
        ppid=1,
        comm=put.comm,
        start_ticks=pid,
        uid=put.uid,
        netns=5,
        pidns=6,
        mntns=put.mntns,
        membership=membership_of(f"0::{put.path}\n", owner),
        real_uid=put.real_uid,
        userns=HOST_USERNS if put.userns_maker is None else 100 + put.userns_maker,
        userns_maker=put.userns_maker,
    )
