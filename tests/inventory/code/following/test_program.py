from __future__ import annotations

import time
from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following import program
from imds_probe.inventory.code.following.known import Limits
from imds_probe.inventory.code.following.loads import Load
from imds_probe.inventory.code.following.program import Following, known_as

SITE = "/usr/local/lib/python3.11/site-packages"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path).put({"/usr/bin/python3.11": "", "/usr/lib/python3.11/os.py": "", "/bin/sh": ""})


def test_a_program_by_itself_has_what_it_has_mapped(root: Root) -> None:
    """Locales and databases are mapped, too; the loader is everybody's."""
    mapped = ("/usr/lib/libown.so.1.2", "/usr/lib/locale/locale-archive", "/usr/lib/ld-linux-x86-64.so.2", "/srv/x.db")
    assert root.loaded("agent", executable="/opt/agent", mapped=mapped) == {
        "/usr/lib/libown.so.1.2": None,
        "/opt/agent": None,
    }


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("/opt/j.py", "import subprocess\nsubprocess.check_output(['tool', '-a'])\n"),
        ("/opt/j.py", "import os\nos.system(os.path.join(os.path.dirname(__file__), 'lib', '..', 'own.sh') + ' -a')\n"),
        ("/opt/j.pl", "my $id = `tool -a`;\n"),
        ("/opt/j.pl", "system('own.sh');\nsystem('./own.sh');\n"),
        ("/opt/j.rb", "id = %x(tool -a)\n"),
        ("/opt/j.php", "<?php exec('cd lib && ../own.sh');\n"),
        ("/opt/j.js", "require('child_process').spawnSync('tool');\n"),
        ("/opt/j.sh", "python3.11 /opt/k.py\n"),
    ],
)
def test_a_program_that_a_script_starts_is_followed(root: Root, script: str, text: str) -> None:
    """Also one of a program that another one has started."""
    root.put({f"/usr/bin/{name}": "" for name in ("perl", "ruby", "php", "node")})
    root.put({script: text, "/opt/lib/x": "", "/opt/k.py": "import os\nos.system('tool')\n"})
    root.put(
        {"/opt/own.sh": "#!/bin/sh\n. /opt/end.sh\n", "/usr/bin/tool": "#!/bin/sh\n. /opt/end.sh\n", "/opt/end.sh": ""}
    )
    interpreter = {"py": "python3.11", "pl": "perl", "rb": "ruby", "php": "php", "js": "node", "sh": "sh"}
    found = root.follow(interpreter[script.rpartition(".")[2]], script)
    assert "/opt/end.sh" in [load.path for load in found.files] and not found.cut_short


def test_what_libraries_start_is_their_own_affair(root: Root) -> None:
    root.put({"/usr/bin/tool": "", "/opt/j.py": "import lib\n", f"{SITE}/lib.py": "import os\nos.system('tool')\n"})
    assert list(root.loaded("python3.11", "/opt/j.py")) == ["/opt/j.py", f"{SITE}/lib.py"]


def test_a_script_that_is_named_and_lies_nowhere_is_none(root: Root) -> None:
    root.put({"/opt/j.py": "import os\nos.system('sh there.sh')\nos.system('sh -x /opt/gone.sh')\n", "/usr/bin/sh": ""})
    assert root.follow("python3.11", "/opt/j.py").cut_short == unread.NO_SCRIPT
    root.put({"/opt/j.py": "import os\nos.system('sh there.sh')\n"})
    assert root.follow("python3.11", "/opt/j.py").cut_short == ""


@pytest.mark.parametrize(
    ("program", "script", "text", "read"),
    [
        ("/usr/bin/fish", "/opt/x", "#!/usr/bin/env fish\n", True),
        ("/usr/bin/fish", "/opt/x.fish", "set x\n", True),
        ("/usr/bin/pwsh", "/opt/x.ps1", "Get-Date\n", True),
        ("/usr/bin/make", "/opt/x", "#!/usr/bin/make -f\n", True),
        ("/usr/bin/less", "/opt/x", "#!/usr/bin/lua\n", False),
        ("/usr/bin/vim", "/opt/x.lua", "local x\n", False),
        ("/usr/sbin/agent", "/etc/agent.conf", "x = 1\n", False),
    ],
)
def test_of_a_language_that_is_not_followed_the_script_is_read(
    root: Root, program: str, script: str, text: str, *, read: bool
) -> None:
    root.put({program: "", script: text})
    found = root.follow(program, "-q", script, executable=program)
    assert [load.path for load in found.files] == [program, *([script] if read else [])]
    assert found.script == (script if read else "")


@pytest.mark.parametrize(
    ("executable", "line", "read"),
    [
        ("/usr/bin/gawk", "/usr/bin/awk -f /opt/x", True),  # by its first line, through a link
        ("/usr/bin/mawk", "awk -F : -f /opt/plain /etc/passwd", True),
        ("/usr/bin/gawk", "gawk --file /opt/plain", True),
        ("/usr/bin/busybox", "awk -f /opt/x", True),
        ("/usr/bin/gawk", "awk {print} /opt/plain", False),
        ("/usr/bin/gawk", "awk {print} /opt/own.sh", False),
        ("/usr/bin/less", "less -f /opt/plain", False),
    ],
)
def test_awk_is_one_of_several_programs(root: Root, executable: str, line: str, *, read: bool) -> None:
    root.put(
        {executable: "", "/opt/x": "#!/usr/bin/awk -f\n", "/opt/plain": "{ print }\n", "/opt/own.sh": "#!/bin/sh\n"}
    )
    assert bool(root.follow(*line.split(), executable=executable).script) is read


def test_libraries_that_are_left_to_their_recognisers_are_not_gone_into(root: Root) -> None:
    root.put({f"{SITE}/botocore/__init__.py": "import behind", f"{SITE}/behind.py": "", "/m.py": "import botocore"})
    assert set(root.loaded("python3.11", "/m.py", left=("pypi botocore",))) == {"/m.py", f"{SITE}/botocore/__init__.py"}
    assert f"{SITE}/behind.py" in root.loaded("python3.11", "/m.py")
    # A script that is called as a library is none.
    root.put({"/usr/bin/boto": "#!/usr/bin/python3.11\nimport behind"})
    assert f"{SITE}/behind.py" in root.loaded("/bin/sh", "-c", "boto", left=("pypi boto",))


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (Load(f"{SITE}/ec2/x.py", f"{SITE}/ec2"), "pypi ec2"),
        (Load("/opt/vendor/ec2/x.py", "/opt/vendor/ec2"), "pypi ec2"),
        (Load("/srv/node_modules/ec2/", "/srv/node_modules/ec2"), "npm ec2"),
        (Load("/srv/gems/ec2-1.0/lib/x.rb", "/srv/gems/ec2-1.0"), "gem ec2"),
        (Load("/srv/ec2-1.0.jar", "/srv/ec2-1.0.jar"), "maven ec2"),
        (Load(f"{SITE}/pyspark/jars/ec2-1.0.jar", f"{SITE}/pyspark/jars/ec2-1.0.jar"), "maven ec2"),
        (Load("/usr/share/perl5/VM/EC2/Instance.pm", "/usr/share/perl5/VM/EC2"), ""),
    ],
)
def test_a_name_is_left_in_its_own_ecosystem_alone(root: Root, load: Load, name: str) -> None:
    every = {f"{each} ec2" for each in ("pypi", "npm", "gem", "maven", "composer", "nuget")}
    assert [each for each in sorted(every) if Following(root.ground(), (), {each}).is_left(load)] == [name] * bool(name)


def test_scripts_that_call_each_other_come_to_an_end(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        root.put({f"/opt/{number}": f"#!/bin/sh\n/opt/{number + 1}\n/opt/{number}\n/opt/0\n"})
    assert len(root.loaded("/opt/0")) == program.DEPTH_MAX + 1
    monkeypatch.setattr(program, "PROGRAMS_MAX", 3)
    assert len(root.loaded("/opt/0")) == 3


def test_limits_of_files_and_time_are_said(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    root.put({f"{SITE}/m{number}.py": f"import m{number + 1}" for number in range(50)} | {"/m.py": "import m0"})
    late = root.follow("python3.11", "/m.py", limits=Limits(deadline=time.monotonic() - 1))
    assert late.cut_short == unread.NO_TIME
    monkeypatch.setattr(program, "FILES_MAX", 10)
    many = root.follow("python3.11", "/m.py")
    assert (len(many.files), many.cut_short) == (10, unread.TOO_LONG)


def test_what_lies_beside_a_script_that_loads_by_name_is_taken_for_loaded(root: Root) -> None:
    root.put({"/opt/app/main.py": "__import__(name)", "/opt/app/plugins/ask.py": ""})
    loads = root.follow("python3.11", "/opt/app/main.py")
    assert loads.unresolved == ("/opt/app/main.py",)
    assert "/opt/app/plugins/ask.py" in {load.path for load in loads.files}
    # Programs in one directory have nothing to do with each other.
    root.put({"/usr/local/bin/tool": "#!/usr/bin/python3.11\n__import__(name)", "/usr/local/bin/other.py": ""})
    assert set(root.loaded("tool")) == {"/usr/local/bin/tool"}


@pytest.mark.parametrize(
    ("package_root", "name"),
    [
        ("/x/site-packages/aws_xray_sdk", "aws-xray-sdk"),
        ("/x/site-packages/google/auth", "google-auth"),
        ("/x/node_modules/@aws-sdk/client", "@aws-sdk/client"),
        ("/x/gems/aws-sdk-core-3.1.2", "aws-sdk-core"),
        ("/x/lib/aws-java-sdk-core-1.11.0.jar", "aws-java-sdk-core"),
        ("/x/vendor/aws/aws-sdk-php", "aws/aws-sdk-php"),
        ("/x/site-packages/boto.py", "boto"),
        ("boto", "boto"),
    ],
)
def test_what_a_package_may_be_called(package_root: str, name: str) -> None:
    assert name in known_as(package_root)


@pytest.mark.parametrize(
    ("limit", "value", "cut_short"),
    [("PROGRAMS_MAX", 2, unread.MORE), ("DEPTH_MAX", 1, unread.MORE), ("PROGRAMS_MAX", 20, "")],
)
def test_scripts_of_ones_own_that_are_not_followed_any_more_are_said(
    root: Root, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, cut_short: str
) -> None:
    """What a distribution's scripts start beyond that, its packages have."""
    monkeypatch.setattr(program, limit, value)
    for at, why in (("/opt", cut_short), ("/usr/bin", "")):
        root.put(
            {f"{at}/s{number}": f"#!/bin/sh\n{at}/s{number + 1}\n" for number in range(3)} | {f"{at}/s3": "#!/bin/sh\n"}
        )
        assert root.follow(f"{at}/s0").cut_short == why


@pytest.mark.parametrize(("most", "cut_short"), [(3, unread.MORE), (5, "")])
def test_so_is_what_a_program_may_load_by_name_beyond_what_is_walked_through(
    root: Root, monkeypatch: pytest.MonkeyPatch, most: int, cut_short: str
) -> None:
    """Of a library that is so large, the rest is not the program's own."""
    monkeypatch.setattr(program, "WHOLE_MAX", most)
    dynamic = "require(process.argv[2]);\n"
    root.put(
        {"/usr/bin/node": "", "/srv/app/app.js": dynamic, **{f"/srv/app/lib/{number}.js": "" for number in range(4)}}
    )
    assert root.follow("node", "/srv/app/app.js").cut_short == cut_short
    large = {f"/app/node_modules/big/{number}.js": "" for number in range(9)}
    root.put({"/app/app.js": "require('big');\n", "/app/node_modules/big/index.js": dynamic, **large})
    assert root.follow("node", "/app/app.js").cut_short == ""
