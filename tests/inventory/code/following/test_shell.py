from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code import unread


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path).put(
        {"/bin/sh": "", "/usr/bin/bash": "", "/usr/bin/curl": b"\x7fELF", "/usr/bin/python3.11": "", "/usr/bin/env": ""}
    )


def test_a_script_with_what_it_sources_and_calls(root: Root) -> None:
    """Programs that it calls are wholes of their own; what it sources is a part of it."""
    root.put(
        {
            "/opt/job/run": '#!/bin/sh\n. "$(dirname "$0")/settings"\ncurl "$URL/latest"\n/opt/job/next.py x\n. /nowhere\n',
            "/opt/job/settings": "URL=http://169.254.169.254\n",
            "/opt/job/next.py": "#!/usr/bin/env -S python3.11 -u\nimport beside\n",
            "/opt/job/beside.py": "",
        }
    )
    assert root.loaded("/opt/job/run") == {
        "/opt/job/run": None,
        "/opt/job/settings": None,
        "/usr/bin/curl": "/usr/bin/curl",
        "/opt/job/next.py": "/opt/job/next.py",
        "/opt/job/beside.py": "/opt/job/next.py",
    }


def test_a_script_goes_to_a_directory_and_starts_something_there(root: Root) -> None:
    """Also in a subshell, which comes back; what is not there is meant from where the script was started."""
    root.put(
        {
            "/opt/job/run": "#!/bin/sh\n(cd /srv && cd web && python3.11 server.py)\npython3.11 other.py\n",
            "/srv/web/server.py": "",
            "/opt/job/other.py": "",
        }
    )
    loads = root.follow("/opt/job/run")
    assert ([load.path for load in loads.files], loads.cut_short) == (
        ["/opt/job/run", "/srv/web/server.py", "/opt/job/other.py"],
        "",
    )


def test_a_script_that_starts_itself_in_another_language(root: Root) -> None:
    root.put({"/opt/tool": '#!/bin/sh\nexec python3.11 "$0" "$@"\n', "/usr/bin/ask": "#!/bin/sh\npython3.11\n"})
    assert (root.follow("/opt/tool").cut_short, root.follow("/usr/bin/ask").cut_short) == ("", "")
    root.put({"/opt/tool": '#!/bin/sh\nexec python3.11 "$SCRIPT"\n'})
    assert root.follow("/opt/tool").cut_short == unread.NO_SCRIPT


def test_text_as_an_argument_and_a_search_path_of_its_own(root: Root) -> None:
    root.put({"/opt/bin/tool": "#!/bin/sh\nother\n", "/opt/bin/other": "#!/bin/sh\ntool\n"})
    loads = root.follow(
        "bash", "-ec", "tool; exec sudo -u x curl http://169.254.169.254/", environment={"PATH": "/opt/bin:/usr/bin"}
    )
    assert [load.path for load in loads.files] == ["/opt/bin/tool", "/opt/bin/other", "/usr/bin/curl"]
    assert loads.texts[0].content.startswith(b"tool; exec")


def test_one_that_is_handed_its_commands_has_nothing_to_read(root: Root) -> None:
    assert root.follow("/bin/sh", "-s", "unix:cmd").cut_short == ""
    assert root.follow("/bin/sh", "nowhere").cut_short == unread.NO_SCRIPT
    assert root.follow("/bin/sh", "-n", "nowhere").cut_short == ""


def test_one_that_somebody_types_into_has_nothing_to_read(root: Root) -> None:
    loads = root.follow("-bash", executable="/usr/bin/bash")
    assert (loads.files, loads.cut_short) == ((), "")
    assert root.follow("bash", "/gone.sh", executable="/usr/bin/bash").cut_short == "its script is not known"
    # One that is many programs is told by its first argument.
    root.put({"/bin/busybox": b"\x7fELF", "/x.sh": "curl x\n"})
    assert set(root.loaded("sh", "/x.sh", executable="/bin/busybox")) == {"/x.sh", "/usr/bin/curl"}
    assert set(root.loaded("crond", executable="/bin/busybox")) == {"/bin/busybox"}


@pytest.mark.parametrize(
    "line",
    [
        *("python3.11 --version", "python3.11 -V 2>&1", "x=$(python3.11 -h)", "command -v python3.11 >/dev/null"),
        *('exec bash "$0"', "bash ${0} again", "echo 'print(1)' | python3.11"),
    ],
)
def test_what_runs_no_script_or_itself_leaves_nothing_unknown(root: Root, line: str) -> None:
    loads = root.put({"/opt/job": f"#!/bin/sh\n{line}\n"}).follow("/opt/job")
    assert (loads.cut_short, loads.unresolved) == ("", ())
    assert loads.files[0].path == "/opt/job"


@pytest.mark.parametrize("line", ['python3.11 "$SCRIPT"', "python3.11 $X/x.py -v", "python3.11 - -v"])
def test_a_script_whose_name_only_running_tells_is_unknown(root: Root, line: str) -> None:
    assert root.put({"/opt/job": f"#!/bin/sh\n{line}\n"}).follow("/opt/job").cut_short == unread.NO_SCRIPT


def test_a_program_that_is_asked_to_say_more_is_run(root: Root) -> None:
    root.put({"/opt/job": "#!/bin/sh\n/opt/client.py -v\n", "/opt/client.py": "#!/usr/bin/env python3.11\n"})
    assert root.loaded("/opt/job") == {"/opt/job": None, "/opt/client.py": "/opt/client.py"}


def test_files_that_a_loop_sources(root: Root) -> None:
    script = '#!/bin/sh\nD=/opt/d\nfor f in $D/*.sh other; do\n . "$f"\ndone\n'
    root.put({"/opt/run.sh": script, "/opt/d/a.sh": "", "/opt/d/b.sh": "", "/opt/d/c.txt": "", "/opt/other": ""})
    assert set(root.loaded("sh", "/opt/run.sh")) == {"/opt/run.sh", "/opt/d/a.sh", "/opt/d/b.sh", "/opt/other"}


def test_a_script_hands_on_what_it_was_given(root: Root) -> None:
    """As Debian's celery does, which is a script of the shell that starts itself by Python."""
    entry = "import sys\nfrom celery.__main__ import main\nsys.exit(main())\n"
    root.put(
        {
            "/usr/bin/celery": f"#!/bin/sh\nshell_code=''' '\nexec python3.11 \"$0\" \"$@\"\n'''\n{entry}",
            "/usr/bin/wrapped": '#!/bin/sh\nset -e\nexec celery -A tasks "$@"\n',
            "/srv/web/tasks.py": "import beside\n",
            "/srv/web/beside.py": "",
        }
    )
    for command in (
        ("/usr/bin/celery", "--workdir", "/srv/web", "-A", "tasks", "worker"),
        ("/usr/bin/wrapped", "--workdir", "/srv/web", "worker"),
    ):
        loads = root.follow("/bin/sh", *command)
        assert {"/srv/web/tasks.py", "/srv/web/beside.py"} <= {load.path for load in loads.files}
        assert loads.cut_short == ""
    root.put({"/opt/nothing": '#!/bin/sh\nexec celery "$@"\n'})
    assert root.follow("/bin/sh", "/opt/nothing").cut_short == ""  # without arguments it says how it is called


def test_a_home_is_that_of_the_environment(root: Root) -> None:
    root.put({f"/home/ana/{name}": "#!/bin/sh\n" for name in ("one", "two", "three", "four")})
    root.put(
        {
            "/opt/x": "#!/bin/sh\n~/one\n. ~/two\ncd $HOME\n./three\n",
            "/opt/y.py": "import os\nos.system('cd ~; ./four')\n",
        }
    )
    loaded = root.loaded("sh", "/opt/x", environment={"HOME": "/home/ana"})
    assert {f"/home/ana/{name}" for name in ("one", "two", "three")} <= set(loaded)
    assert "/home/ana/one" not in root.loaded("sh", "/opt/x")
    by_python = root.loaded("/usr/bin/python3.11", "/opt/y.py", environment={"HOME": "/home/ana"})
    assert "/home/ana/four" in by_python
