from __future__ import annotations

from pathlib import Path

from code_root import Root

from imds_probe.inventory.code import of_package
from imds_probe.inventory.code.following.languages import LANGUAGES
from imds_probe.inventory.code.following.program import Following
from imds_probe.inventory.code.of_package import code_of, wholes

SITE = "/usr/lib/python3/dist-packages"
SHELL = {"/bin/sh": "\x7fELF", "/usr/bin/dash": "\x7fELF"}


def judged_together(root: Root, *files: str, named: bool = False) -> dict[str, tuple[str, ...]]:
    return dict(wholes(files, Following(root.ground(), LANGUAGES), named=named))


def test_documents_pictures_and_byte_code_are_no_code() -> None:
    code = ("/usr/bin/tool", "/usr/lib/tool/a.py", "/usr/lib/tool/alone.pyc", "/etc/tool.conf", "/usr/share/tool/x.js")
    aside = (
        *("/usr/share/doc/tool/examples/x.sh", "/usr/share/man/man1/tool.1.gz", "/usr/lib/tool/a.pyc"),
        *("/usr/lib/tool/__pycache__/a.cpython-311.pyc", "/usr/share/tool/logo.png", "/usr/lib/.build-id/ab/cd"),
        "/usr/share/bash-completion/completions/tool",
    )
    assert code_of((*code, *aside, *code), ()) == list(code)


def test_where_the_catalog_names_files_they_alone_count() -> None:
    files = ("/usr/bin/growpart", "/usr/bin/ec2metadata", "/usr/share/doc/x/not-ec2metadata")
    assert code_of(files, ("bin/ec2metadata",)) == ["/usr/bin/ec2metadata"]
    # Where a package has none of them, it is built in another way.
    assert code_of(files[:1], ("bin/ec2metadata",)) == ["/usr/bin/growpart"]


def test_a_script_is_judged_with_what_it_loads_and_a_library_as_one(tmp_path: Path) -> None:
    files = {
        "/usr/bin/tool": "#!/bin/sh\n. /usr/share/tool/lib.sh\n",
        "/usr/share/tool/lib.sh": "x=1\n",
        "/usr/bin/other": "#!/bin/sh\necho\n",
        f"{SITE}/tool/__init__.py": "",
        f"{SITE}/tool/sub/a.py": "",
        "/usr/lib/tool/agent": "\x7fELF",
        "/usr/lib/tool/plugin.rb": "",
        "/usr/lib/tool/more.rb": "",
    }
    root = Root(tmp_path).put({**SHELL, **files})
    assert judged_together(root, *files) == {
        "/usr/bin/tool": ("/usr/bin/tool", "/usr/share/tool/lib.sh"),
        "/usr/bin/other": ("/usr/bin/other",),
        f"{SITE}/tool": (f"{SITE}/tool/__init__.py", f"{SITE}/tool/sub/a.py"),
        "/usr/lib/tool/agent": ("/usr/lib/tool/agent",),
        "/usr/lib/tool": ("/usr/lib/tool/plugin.rb", "/usr/lib/tool/more.rb"),
    }


def test_of_what_a_script_loads_only_its_own_packages_files_count(tmp_path: Path) -> None:
    python = {"/usr/bin/python3": "\x7fELF", "/usr/lib/python3.11/os.py": ""}
    own = {
        "/usr/bin/tool": "#!/usr/bin/python3\nimport tool, requests\n",
        f"{SITE}/tool/__init__.py": "from tool import a\n",
        f"{SITE}/tool/a.py": "",
        f"{SITE}/tool/unused.py": "",
    }
    root = Root(tmp_path).put({**python, **own, f"{SITE}/requests/__init__.py": ""})
    assert judged_together(root, *own) == {
        "/usr/bin/tool": ("/usr/bin/tool",),
        f"{SITE}/tool": (f"{SITE}/tool/__init__.py", f"{SITE}/tool/a.py", f"{SITE}/tool/unused.py"),
    }


def test_named_files_and_scripts_beyond_the_bound_are_not_followed(tmp_path: Path, monkeypatch) -> None:
    files = {"/usr/bin/tool": "#!/bin/sh\n. /usr/share/tool/lib.sh\n", "/usr/share/tool/lib.sh": ""}
    root = Root(tmp_path).put({**SHELL, **files})
    assert judged_together(root, "/usr/bin/tool", named=True) == {"/usr/bin/tool": ("/usr/bin/tool",)}
    monkeypatch.setattr(of_package, "SCRIPTS_MAX", 0)
    assert judged_together(root, "/usr/bin/tool") == {"/usr/bin/tool": ("/usr/bin/tool",)}
