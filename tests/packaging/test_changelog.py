import importlib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TEXT = "# Changelog\n\nIts form.\n\n## [Unreleased]\n\n### Added\n\n- One thing.\n"
OLDER = "\n## [0.1.0] - 2026-01-01\n\n- The first.\n"


@pytest.fixture
def changelog(monkeypatch):
    monkeypatch.syspath_prepend(str(PROJECT / "packaging"))
    return importlib.import_module("changelog")


@pytest.mark.parametrize("older", ["", OLDER])
def test_what_was_not_released_becomes_a_section(changelog, older):
    assert changelog.released(TEXT + older, "0.2.0", "2026-11-30") == (
        "# Changelog\n\nIts form.\n\n## [Unreleased]\n\n## [0.2.0] - 2026-11-30\n\n### Added\n\n- One thing.\n" + older
    )


def test_the_one_of_the_project_can_be_released_again_and_again(changelog):
    # Just after a release there is nothing new in it.
    text = (PROJECT / "CHANGELOG.md").read_text().replace("## [Unreleased]\n", "## [Unreleased]\n\n- One.\n", 1)
    once = changelog.released(text, "9.0.0", "2026-11-30")
    more = once.replace("## [Unreleased]\n", "## [Unreleased]\n\n- More.\n")
    twice = changelog.released(more, "9.1.0", "2026-12-01")
    assert twice.index("[Unreleased]") < twice.index("[9.1.0]") < twice.index("- More.") < twice.index("[9.0.0]")
    assert "\n\n\n" not in twice


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Changelog\n", "no line '## \\[Unreleased\\]'"),
        ("## [Unreleased]\n" + OLDER, "nothing under Unreleased"),
        ("## [Unreleased]\n\n### Added\n" + OLDER, "nothing under Unreleased"),
        (TEXT + OLDER.replace("0.1.0", "0.2.0"), "a section 0.2.0 already"),
    ],
)
def test_it_is_refused_where_there_is_nothing_to_release(changelog, text, said):
    with pytest.raises(changelog.ChangelogError, match=said):
        changelog.released(text, "0.2.0", "2026-11-30")
