"""CHANGELOG.md: what was not released yet becomes the section of a version."""

from __future__ import annotations

import re

UNRELEASED = "## [Unreleased]\n"
SECTION = re.compile(r"^## ", re.MULTILINE)


class ChangelogError(Exception):
    """CHANGELOG.md cannot be released; the message says why, and what to do."""


def released(text: str, version: str, day: str) -> str:
    """The file with an empty section for what comes next, and the present one as that of the version. `day` is YYYY-MM-DD.

    Raises ChangelogError.
    """
    before, found, rest = text.partition(UNRELEASED)
    if not found:
        raise ChangelogError(f"CHANGELOG.md has no line {UNRELEASED.strip()!r}. Add it.")
    following = SECTION.search(rest)
    own, older = (rest[: following.start()], rest[following.start() :]) if following else (rest, "")
    if not re.search(r"^- ", own, re.MULTILINE):
        raise ChangelogError(
            "CHANGELOG.md has nothing under Unreleased. Write a line for each change that users notice."
        )
    if f"## [{version}]" in older:
        raise ChangelogError(f"CHANGELOG.md has a section {version} already. Give a higher version.")
    end = "\n" if older else ""
    return f"{before}{UNRELEASED}\n## [{version}] - {day}\n\n{own.strip()}\n{end}{older}"
