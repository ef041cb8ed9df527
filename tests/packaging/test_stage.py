"""What the packages bring to read leads nowhere that they do not bring. tests/install has the built packages."""

from __future__ import annotations

import importlib
import re
from pathlib import Path, PurePosixPath

import pytest

PROJECT = Path(__file__).parents[2]
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)")
# What users are sent to; pages for those who change the program name its source besides.
NAMED = re.compile(
    r"\b(?:packaging/(?:iam|ssm|cloudformation)|imds_probe/schema|examples)/[\w./-]*\.(?:json|ya?ml|toml|md)\b"
)


@pytest.fixture
def shipped(monkeypatch) -> set[str]:
    monkeypatch.syspath_prepend(str(PROJECT / "packaging"))
    return set(importlib.import_module("stage").documents())


def folders(names: set[str]) -> set[str]:
    return {str(folder) for name in names for folder in PurePosixPath(name).parents}


def test_each_link_of_a_shipped_page_leads_to_what_is_shipped(shipped):
    there = shipped | folders(shipped)
    followed = 0
    for name in sorted(each for each in shipped if each.endswith(".md")):
        for target in LINK.findall((PROJECT / name).read_text()):
            path = (PROJECT / name).parent.joinpath(target).resolve().relative_to(PROJECT)
            assert str(path) in there, f"{name} leads to {target}"
            followed += 1
    assert followed > 100


def test_each_file_that_users_are_sent_to_is_shipped(shipped):
    pages = [PROJECT / each for each in shipped if each.endswith(".md")]
    others = [PROJECT / "packaging/imds-probe.toml", *(PROJECT / "packaging/man").iterdir()]
    source = [each for each in (PROJECT / "imds_probe").rglob("*.py") if "simulator" not in each.parts]
    named = {
        match for path in (*pages, *others, *source) for match in NAMED.findall(path.read_text().replace("\\-", "-"))
    }
    assert named > {"packaging/iam/s3.json", "imds_probe/schema/catalog-v1.json"}
    assert named <= shipped | {"packaging/iam/NAME.json"}


def test_no_program_for_the_making_of_packages_is_shipped(shipped):
    assert not [each for each in shipped if each.endswith((".py", ".sh", ".lock"))]
