from __future__ import annotations

import pytest

from imds_probe.inventory.settings.arguments import named_files
from imds_probe.inventory.settings.programs import Program
from imds_probe.system.rootfs import FileUnreadable


def program(command: str, environment: dict[str, str] | None = None) -> Program:
    arguments = tuple(command.split())
    return Program(7, arguments[0], arguments, "/", environment)


@pytest.mark.parametrize(
    ("command", "options", "named"),
    [
        ("x", ("-c",), []),
        ("x -c /a -c /b", ("-c", "--config"), ["/a", "/b"]),
        ("x -c/a", ("-c",), ["/a"]),
        ("x -config=/a", ("-c",), []),
        ("x --config=file:/a", ("--config",), ["/a"]),
        ("x run --storage.path=/d /a", ("run",), ["/a"]),
        ("x tools /a", ("run",), []),
    ],
)
def test_what_a_command_names(command: str, options: tuple[str, ...], named: list[str]) -> None:
    assert named_files(program(command, {}), options) == named


def test_a_variable_counts_where_no_option_does() -> None:
    options = ("--config", "$X")
    assert named_files(program("x", {"X": "/a,/b"}), options) == ["/a", "/b"]
    assert named_files(program("x --config /c", {"X": "/a"}), options) == ["/c"]
    assert named_files(program("x", {}), options) == []
    assert named_files(program("x --config /c"), options) == ["/c"]
    with pytest.raises(FileUnreadable, match="may not be read"):
        named_files(program("x"), options)


@pytest.mark.parametrize("value", ["https://a.example/x", "env:X", "yaml:a::b", "s3://b/k"])
def test_what_is_no_file_is_said(value: str) -> None:
    with pytest.raises(FileUnreadable, match="is not in a file"):
        named_files(program(f"x --config={value}", {}), ("--config",))
