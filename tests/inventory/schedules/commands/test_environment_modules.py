from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules.commands.environment_modules import of_lua, of_tcl, places
from imds_probe.inventory.schedules.system_files import SystemFiles

HEAD = "#%Module1.0\n"
TOOLS = f"{HEAD}prepend-path PATH /opt/tools/bin\n"
AT = "/etc/modulefiles"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TOOLS, [("path", "/opt/tools/bin")]),
        (
            f'{HEAD}set root "/opt/x"\nset  bin [file join $root 1.2 bin]\nappend-path PATH $bin\n',
            [("path", "/opt/x/1.2/bin")],
        ),
        ("set v 1\nprepend-path --delim : PATH /a/${v}/bin:/b\n", [("path", "/a/1/bin"), ("path", "/b")]),
        ("prepend-path PATH $env(HOME)/bin\nprepend-path MANPATH /m\n", [("path", "/home/u/bin")]),
        ("prepend-path PATH [exec /opt/where]\n", [("path", "?")]),
        ("prepend-path PATH $unknown/bin\n", [("path", "?")]),
        ("module load mpi/4 gcc\n# module load x\n", [("load", "mpi/4"), ("load", "gcc")]),
    ],
)
def test_a_file_in_tcl(text: str, expected: list[tuple[str, str]]) -> None:
    assert list(of_tcl(text, {"HOME": "/home/u"})) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('prepend_path("PATH", "/opt/x/bin")\n', [("path", "/opt/x/bin")]),
        ("local base = '/opt/x'\nprepend_path('PATH', pathJoin(base, \"bin\"))\n", [("path", "/opt/x/bin")]),
        ('base = "/opt" .. "/x"\nappend_path("PATH", base .. "/bin");\n', [("path", "/opt/x/bin")]),
        ('prepend_path("PATH", os.getenv("X"))\n', [("path", "?")]),
        ('load("mpi", "gcc/9")\ndepends_on("z")\n', [("load", "mpi"), ("load", "gcc/9"), ("load", "z")]),
        ('prepend_path("MANPATH", "/m")\n-- load("x")\n', []),
    ],
)
def test_a_file_in_lua(text: str, expected: list[tuple[str, str]]) -> None:
    assert list(of_lua(text, {})) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("module load tools", ["/opt/tools/bin"]),
        ("module -q add tools", ["/opt/tools/bin"]),
        ("ml tools", ["/opt/tools/bin"]),
        ("ml load tools", ["/opt/tools/bin"]),
        ("module switch old tools", []),
        ("module load versioned", ["/opt/10/bin"]),
        ("module load versioned/9", ["/opt/9/bin"]),
        ("module load chosen", ["/opt/9/bin"]),
        ("module load both", ["/opt/tools/bin", "/opt/own/bin"]),
        ("module load round", []),
        ("module load none", []),
        ("module load ../../passwd", []),
        ("module load silent", None),
        ("module purge", None),
        ("module list", None),
        ("ml", None),
        ("ml -tools", None),
        ("ml purge", None),
        ("module", None),
    ],
)
def test_what_a_module_puts_into_path(tmp_path: Path, command: str, expected: list[str] | None) -> None:
    files: dict[str, str | Path] = {
        f"{AT}/tools": TOOLS,
        f"{AT}/versioned/9": "prepend-path PATH /opt/9/bin\n",
        f"{AT}/versioned/10": "prepend-path PATH /opt/10/bin\n",
        f"{AT}/chosen/9": "prepend-path PATH /opt/9/bin\n",
        f"{AT}/chosen/10": "prepend-path PATH /opt/10/bin\n",
        f"{AT}/chosen/.version": '#%Module1.0\nset ModulesVersion "9"\n',
        f"{AT}/both": "module load tools\nprepend-path PATH /opt/own/bin\n",
        f"{AT}/round": "module load round\n",
        f"{AT}/silent": "setenv A b\n",
        "/etc/passwd": "prepend-path PATH /x\n",
    }
    assert places(command.split(), {}, SystemFiles(made(tmp_path, files))) == expected


def test_where_modules_lie(tmp_path: Path) -> None:
    files: dict[str, str | Path] = {
        "/srv/m/own.lua": 'prepend_path("PATH", "/opt/own/bin")\n',
        "/srv/n/listed": "prepend-path PATH /opt/listed/bin\n",
        "/etc/environment-modules/modulespath": "# ours\n/srv/n\n",
    }
    system = SystemFiles(made(tmp_path, files))
    assert places(["module", "load", "own"], {"MODULEPATH": "/srv/m"}, system) == ["/opt/own/bin"]
    assert places(["module", "load", "listed"], {}, system) == ["/opt/listed/bin"]


def test_a_value_that_grows_from_line_to_line_has_an_end() -> None:
    lines = 500
    assert list(of_tcl("set a /x\n" + "set a $a$a\n" * lines + "prepend-path PATH $a\n", {})) == [("path", "?")]
    assert list(of_lua("a = '/x'\n" + "a = a .. a\n" * lines + "prepend_path('PATH', a)\n", {})) == [("path", "?")]
