"""Tables of written pages that no other test holds to what they are made of."""

import importlib
from pathlib import Path

import pytest

from imds_probe import __version__

PROJECT = Path(__file__).parents[2]
UNRELEASED = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- One thing.\n"


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(str(PROJECT / "packaging"))
    return importlib.import_module("reference_tables")


@pytest.mark.parametrize(
    ("changelog", "says"),
    [
        (
            UNRELEASED,
            f"No version has been released yet. Packages that are made from the source have the number {__version__}.\n",
        ),
        (
            f"{UNRELEASED}\n## [0.3.0] - 2027-02-01\n\n- Two.\n\n## [0.2.0] - 2027-01-01\n\n- One.\n",
            "The newest released version is 0.3.0 of 2027-02-01.\n",
        ),
    ],
)
def test_versions_says_what_was_released(tables, tmp_path, changelog, says):
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    assert tables._released(tmp_path) == says
