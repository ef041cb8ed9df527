"""What docs/adding-an-ecosystem.md says is all that an ecosystem takes: one is taken out of a copy of the tree, everything
else is seen to run, and it is put back by the files that the page names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
PAGE = TREE / "docs/adding-an-ecosystem.md"
NAME, RECOGNISER = "gem", "ruby"
# What holds for all, without what takes long and has nothing to do with who is in the list.
CONFORMANCE = ("tests/inventory/sdks/test_recognisers.py", "tests/ecosystems/test_ecosystems.py")
QUICK = "not hostile and not is_an_order and not any_text"
COPIED = ("imds_probe", "tests/ecosystems", "tests/sdk_fixtures", "tests/inventory/sdks", "tests/fuzz")
SUPPORT = ("setup.cfg", "tests/conftest.py", "tests/elves.py", "tests/program_starts.py", "tests/version_pairs.py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in COPIED:
        # With what is compiled already, but for what is being written just now.
        shutil.copytree(TREE / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.pyc.*", ".*"))
    for file in SUPPORT:
        shutil.copy(TREE / file, tmp_path / file)
    return tmp_path


def named() -> list[str]:
    """The paths that the page names, as they are for this ecosystem."""
    of_sdks = PAGE.read_text().partition("A package manager")[0]
    paths = re.findall(r"`((?:imds_probe|tests)/[^` ]+)`", of_sdks)
    return [path.replace("NAME", NAME).replace("RECOGNISER", RECOGNISER) for path in paths]


def without_lines(file: Path, word: str) -> None:
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not re.search(rf"\b{word}\b", line)))


CODE = "imds_probe/inventory/code/"  # reads a language, and knows the packages that its files belong to


def take_out(tree: Path) -> None:
    for path in tree.rglob("*.py"):
        # Its own modules, and their tests. What reads a language's code is no part of the ecosystem that is called like it.
        if "code" not in path.parts and path.stem in (NAME, f"test_{NAME}", RECOGNISER, f"test_{RECOGNISER}"):
            path.unlink()
    without_lines(tree / "imds_probe/ecosystems/listed.py", NAME)
    without_lines(tree / "imds_probe/inventory/sdks/recognised.py", NAME)
    without_lines(tree / "tests/fuzz/sdk_targets.py", RECOGNISER)
    recognisers = tree / "imds_probe/inventory/sdks/recognisers.py"
    text = recognisers.read_text().replace(f"    {RECOGNISER}.RECOGNISER,\n", "")
    recognisers.write_text(re.sub(rf"^(from .* import .*), {RECOGNISER}\b", r"\1", text, flags=re.MULTILINE))
    schema = tree / "imds_probe/schema/catalog-v1.json"
    schema.write_text(schema.read_text().replace(f', "{NAME}"', ""))
    for file in (tree / "imds_probe/catalog").glob("*.json"):
        document = json.loads(file.read_text())
        for row in document["components"]:
            row["packages"].pop(NAME, None)
        document["components"] = [row for row in document["components"] if row["packages"]]
        file.write_text(json.dumps(document))


def content(tree: Path) -> dict[str, bytes]:
    files = (path for folder in COPIED for path in (tree / folder).rglob("*"))
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in files
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": f"{tree}:{tree}/tests", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments], check=False, capture_output=True, text=True, cwd=tree, env=env, timeout=300
    )


@pytest.mark.timeout(900)  # it starts Python five times, and pytest twice
def test_one_is_taken_out_and_put_back_by_the_page(tree: Path) -> None:
    whole = content(tree)
    take_out(tree)
    mentioned = [
        path
        for path, text in content(tree).items()
        if path.startswith("imds_probe/")
        and not path.startswith(CODE)
        and re.search(rb"[\"']%s[\"']" % NAME.encode(), text)
    ]
    assert mentioned == [], "these name an ecosystem, which the page says nothing does"

    where = run(tree, "-c", "import imds_probe; print(imds_probe.__file__)")
    assert where.stdout.startswith(str(tree)), where.stderr
    listed = run(tree, "-m", "imds_probe", "catalog", "botocore")
    assert (listed.returncode, "botocore" in listed.stdout) == (0, True), listed.stderr
    gone = run(tree, "-m", "imds_probe", "catalog", "aws-sdk-core", "--output", "json")
    assert f'"{NAME}"' not in gone.stdout
    tested = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", QUICK, *CONFORMANCE)
    assert tested.returncode == 0, tested.stdout
    assert f"[{NAME}]" not in tested.stdout

    for pattern in named():
        for path in TREE.glob(pattern):
            if path.is_file():
                shutil.copy(path, tree / pattern.rpartition("/")[0] / path.name)
    assert content(tree) == whole
    again = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", f"{NAME} and {QUICK}", *CONFORMANCE)
    assert (again.returncode, " passed" in again.stdout) == (0, True), again.stdout


def test_every_file_that_the_page_names_is_there() -> None:
    missing = [path for path in named() if not list(TREE.glob(path))]
    assert missing == []
