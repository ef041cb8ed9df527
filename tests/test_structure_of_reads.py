"""What is below a root may be anybody's: the collectors read it through system/rootfs alone, which is led nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import imds_probe

PACKAGE = Path(imds_probe.__file__).parent
PLACES = ("collect", "inventory", "net/obstacles")
# Ways to a file that take a path and follow its links, or wait for whoever has prepared it.
METHODS = frozenset(
    (
        *(
            "absolute",
            "chmod",
            "exists",
            "expanduser",
            "glob",
            "hardlink_to",
            "is_block_device",
            "is_dir",
            "is_fifo",
            "is_file",
        ),
        *(
            "is_mount",
            "is_socket",
            "is_symlink",
            "iterdir",
            "lstat",
            "mkdir",
            "open",
            "owner",
            "read_bytes",
            "read_text",
        ),
        *(
            "readlink",
            "realpath",
            "resolve",
            "rglob",
            "rmdir",
            "samefile",
            "stat",
            "symlink_to",
            "touch",
            "unlink",
            "walk",
        ),
        *(
            "write_bytes",
            "write_text",
            "listdir",
            "scandir",
            "access",
            "connect",
            "islink",
            "isfile",
            "isdir",
            "getsize",
            "lexists",
            "ismount",
            "statvfs",
        ),
    )
)
MODULES = frozenset(("glob", "shutil", "sqlite3", "tempfile", "subprocess", "zipfile", "tarfile"))
FUNCTIONS = frozenset(("LocalFiles", "open", "pin", "read_head", "read_pieces", "resolve", "same_file"))
_PROC = "a mounted proc file system, as procfs.below finds it: what is there is the kernel's"
# By the module and the function, and why.
ELSEWHERE = {
    "collect/available.py:_dnf": "a directory of our own for dnf's log; asked on the running system only",
    "collect/available.py:_run": "apt and dnf, asked on the running system only",
    "collect/metadata_no_token.py:look": "the history in the daemon's own state directory, which has answered by then",
    "collect/container_software.py:_Reading._inside": _PROC,
    "collect/sdk_search.py:_owner": _PROC,
    "collect/own_software.py:own_package": "the probe's own package",
    "inventory/version.py:": "the probe's own modules",
    "inventory/containers/group_owners.py:": "control groups, once it is known that the kernel's own are mounted there",
    "inventory/containers/grouping.py:": _PROC,
    "inventory/containers/named.py:_inode": "a file of the kernel's own file system of namespaces, as a task has found",
    "inventory/containers/processes.py:": _PROC,
    "inventory/containers/started.py:booted_at": _PROC,
    "inventory/packages/dpkg.py:": "dpkg-query's own database, asked on the running system only",
    "inventory/packages/rpm.py:": "rpm's own database, asked on the running system only",
    "inventory/packages/rooted.py:resolve": "the way there, looked up on the running system only",
    "inventory/packages/snap.py:Snap._by_command": "snap, asked on the running system only",
    "inventory/packages/snap.py:Snap._by_socket": "a socket that has answered by then",
    "inventory/packages/snap.py:_get": "a descriptor that confined.pin has found",
    "inventory/settings/programs.py:": _PROC,
    "net/obstacles/ip_listing.py:read": "ip, which reads the kernel's tables",
    "net/obstacles/owners.py:_knows_owners": "the kernel's names of its matches",
    "net/obstacles/packet_rules.py:": "nft, which does the same",
    "net/obstacles/saving.py:": "the kernel's names of its tables, and iptables-save, which reads them",
    "net/obstacles/proxies.py:": _PROC,
}


def direct(node: ast.AST) -> bool:
    """Whether this calls something that takes a path as it stands."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Name):
        return called.id in FUNCTIONS
    if not isinstance(called, ast.Attribute):
        return False
    owner = called.value.id if isinstance(called.value, ast.Name) else ""
    if owner in ("rootfs", "posixpath", "stat"):
        return False
    return called.attr in METHODS or owner in MODULES or (owner, called.attr) == ("process", "run")


def functions(node: ast.AST, name: str = "") -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        full = name
        if isinstance(child, ast.ClassDef | ast.FunctionDef):
            full = f"{name}.{child.name}" if name else child.name
        if direct(child):
            yield full, child
        yield from functions(child, full)


def reads() -> list[str]:
    """Module and function of each direct way to a file."""
    found = []
    for place in PLACES:
        for file in sorted((PACKAGE / place).rglob("*.py")):
            found += [f"{file.relative_to(PACKAGE)}:{name}" for name, _ in functions(ast.parse(file.read_text()))]
    return found


def excuse(read: str) -> str:
    return next((place for place in ELSEWHERE if read.startswith(place)), "")


def test_below_a_root_everything_is_read_through_rootfs() -> None:
    assert sorted({read for read in reads() if not excuse(read)}) == []


def test_no_exception_outlives_its_reason() -> None:
    assert sorted(set(ELSEWHERE) - {excuse(read) for read in reads()}) == []
