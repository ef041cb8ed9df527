"""Every parser is driven by a target of the fuzzer.

What is a parser is told by what it calls: whatever makes numbers, texts or values of bytes or text. A function that does so
is entered by the seeds of some target, or named here with the reason why it is not.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from fuzz.targets import TARGETS

import imds_probe

PACKAGE = Path(imds_probe.__file__).parent
PARSING = frozenset(
    (
        "decode",
        "from_bytes",
        "fromisoformat",
        "loads",
        "raw_decode",
        "read_string",
        "safe_load",
        "splitlines",
        "strptime",
        "unpack",
        "unpack_from",
    )
)
NUMBERS = ("int", "float")
# Functions and whole folders, and why: nothing of anybody else comes to them, or it is driven where the kernel or a tool is.
ELSEWHERE = {
    "aws/account.py:_group": "an answer that botocore has read",
    "aws/calls.py:": "an answer that botocore has read",
    "aws/instance_role.py:InstanceRole.": "the name of a role, held to its shape, and a time that _credentials has read",
    "collect/due_texts.py:_of_one_text": "makes text of bytes and never fails",
    "collect/program_reading.py:_forwards": "makes text of bytes and never fails",
    "inventory/code/environment.py:": "makes text of bytes and never fails",
    "collect/code_reading.py:read_lying": "asks what is there, by a method that is called as one that parses",
    "commands/fleet.py:_count": "a word of whoever runs it, held to its shape",
    "commands/run.py:_time_limit": "words of whoever runs it, each of which argparse refuses in a sentence",
    "commands/terminal.py:width": "a variable of whoever runs it, held to its shape",
    "doctor/kernel.py:": "what the kernel says of itself",
    "doctor/rights.py:": "what the kernel says of this process",
    "system/privilege.py:knows_all_users": "numbers that the kernel writes",
    "doctor/units.py:_active": "what systemd says of the probe's own units",
    "rules/cut_off.py:_holds_for": "digits, held to their shape",
    "render/watching.py:_time": "a time that the watch has taken",
    "commands/simulate.py:_state": "the same, for the file that simulator-state drives",
    "commands/simulate.py:printable": "makes text of bytes and never fails",
    "config/values.py:one_of.read": "a value that TOML has read, held to a list",
    "imds/exchange.py:Exchange._read": "an answer that read_answer has read, and a token that was held to its shape",
    "system/small_file.py:control_groups": "makes text of bytes and never fails",
    "escape.py:": "makes text of text and never fails",
    "net/bpf.py:": "addresses of our own",
    "watch/apart.py:Apart.process_of": "a process id out of a list of them",
    "watch/tracepoint.py:_of_services": "addresses of our own",
    "commands/rehearse.py:_hop_limit": "a number of a list",
    "rehearsal/group.py:": "what the kernel says of control groups",
    "rehearsal/lock_holders.py:": "what the kernel says of locks and of a process",
    "rehearsal/leavers.py:": "what the kernel says of a process",
    "rehearsal/leftovers.py:_owner": "a name, held to its shape",
    "rehearsal/backends.py:is_before": "the kernel's own version",
    "rehearsal/alone.py:": "what the kernel says of a process",
    "rehearsal/classes.py:": "what the kernel says of control groups",
    "commands/rehearsal_output.py:": "what is encoded here",
    "rehearsal/iptables.py:": "what iptables lists of the host's own rules",
    "rehearsal/relay.py:": "what the kernel says of a connection",
    "rehearsal/rules.py:": "a number of our own",
    "fleet/gathering.py:": "what our own processes send each other",
    "fleet/workers.py:": "the same",
    "service/notify.py:": "an environment that systemd gives",
    "simulator/control.py:": "a socket that only its own user may open; simulator-state drives what it is sent",
    "simulator/instance.py:": "a number that is there already",
    "simulator/lab/": "what the lab itself has made",
    "inventory/containers/grouping.py:_mapped_alone": "a map that the kernel writes",
    "inventory/containers/processes.py:_is_mounted": "our own mounts, which root made",
    "system/machine.py:_line": "a name, held to its shape",
    "watch/whose.py:_noted": "a name of our own, held to its shape",
    "system/pressure.py:": "what the kernel says of the whole host",
    "system/usage.py:": "what the kernel counts of our own processes",
    "system/user_namespace.py:": "what the kernel returns",
    "sinks/": "reports of our own; spool drives what waits on disk",
    "system/state_directory.py:": "the number in our own lock, for a message",
    "inventory/sdks/profiles.py:Profiles.with_home": "what the kernel says of a process's user",
    "net/netlink.py:": "what the kernel answers",
    "net/rtnetlink.py:": "what the kernel answers",
    "net/witness.py:Witness.dropped": "what the kernel counts of our own socket",
    "reading/confinement.py:": "what the kernel says of our own process",
    "reading/parser.py:Parser._worked": "arguments of our own",
    "system/own_processes.py:": "what the kernel says of our own processes",
    "system/same_file.py:": "a structure that the kernel fills",
    "rehearsal/connection.py:_unacknowledged": "what the kernel says of our own socket",
    "render/web/document.py:": "makes ASCII of text and never fails",
    "render/page/whole_switch.py:in_full": "takes the lines of a setting of our own apart",
    "service/handover.py:is_roots": "what the kernel says of the other end",
    "service/handover.py:_received": "eight bytes, of which 64 MiB at most are asked for",
    "watch/boots.py:this_boot": "the kernel's name of a boot",
    "watch/boots.py:nothing_was_connected": "what the kernel counts",
    "watch/boots.py:_counters": "the same",
    "watch/callers.py:": "what caller_of has read, which process drives",
    "watch/history_counting.py:": "numbers of our own",
    "watch/owner.py:Owners._list": "the number of a process, from a path of our own",
    "watch/packet_filter.py:": "addresses of our own",
    "watch/seals.py:_impossible": "a number that SQLite counts",
    "watch/ring.py:": "the kernel's own memory; packets drives what is in it",
    "watch/tracing.py:mounted": "a number that the kernel returns",
    "watch/tracing.py:tracefs": "our own mounts, which root made",
    "watch/tracing.py:_sweep": "names of a fixed form, in a directory of the kernel that is root's",
}


def parses(node: ast.AST) -> bool:
    """Whether this is a call that makes something of bytes or text."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        return node.func.attr in PARSING
    taken = (ast.Name, ast.Subscript, ast.Attribute, ast.Call)
    return (
        isinstance(node.func, ast.Name)
        and node.func.id in NUMBERS
        and bool(node.args)
        and isinstance(node.args[0], taken)
    )


def functions(node: ast.AST, name: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function by its full name, those within others and classes too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            full = f"{name}.{child.name}" if name else child.name
            if not isinstance(child, ast.ClassDef):
                yield full, child
            yield from functions(child, full)
        else:
            yield from functions(child, name)


def own(node: ast.AST) -> Iterator[ast.AST]:
    """What a function has in it, without the functions within."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from own(child)


@functools.cache
def parsers() -> dict[tuple[str, int], str]:
    """The place of each parser's first line to what it is called."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        for name, function in functions(ast.parse(file.read_text())):
            if any(parses(each) for each in own(function)):
                line = min([function.lineno, *(each.lineno for each in function.decorator_list)])
                found[str(file), line] = f"{file.relative_to(PACKAGE)}:{name}"
    return found


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, int]]:
    """Where the functions begin that the seeds of all targets lead to."""
    found: set[tuple[str, int]] = set()
    # What other tests had parsed is not parsed again.
    for module in [module for name, module in sys.modules.items() if name.startswith("imds_probe.")]:
        for kept in list(vars(module).values()):
            if callable(forget := getattr(kept, "cache_clear", None)):
                forget()

    def called(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            found.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

    for name, target in TARGETS.items():
        parse = target.make(tmp_path_factory.mktemp(name))
        seeds = target.seeds().values()
        sys.setprofile(called)
        try:
            for seed in seeds:
                parse(seed)
        finally:
            sys.setprofile(None)
    return found


def excuse(parser: str) -> str:
    return next((place for place in ELSEWHERE if parser.startswith(place)), "")


def test_every_parser_is_driven_or_excused(entered: set[tuple[str, int]]) -> None:
    missing = [name for place, name in parsers().items() if place not in entered and not excuse(name)]
    assert not missing, "\n".join(missing)


def test_no_excuse_outlives_its_reason(entered: set[tuple[str, int]]) -> None:
    needed = {excuse(name) for place, name in parsers().items() if place not in entered}
    idle = sorted(set(ELSEWHERE) - needed)
    assert not idle, "\n".join(idle)
