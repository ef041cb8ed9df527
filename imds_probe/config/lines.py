"""On which line of a TOML document a key stands. The parser does not say, so it is asked about beginnings of the document."""

from __future__ import annotations

LINES_MAX = 2000  # a configuration has tens; each line costs a parse of all before it


def line_of(text: str, key: str) -> int | None:
    """The line, from 1, where the statement begins that sets `key` ("table.name"); None where it is not found.

    `text` is TOML. The first beginning of it that has the key ends with that statement.
    """
    import tomllib  # noqa: PLC0415 - most hosts have no configuration file

    lines = text.splitlines(keepends=True)
    if len(lines) > LINES_MAX:
        return None
    begins = 0  # of the statement that the next lines end
    for number in range(1, len(lines) + 1):
        try:
            content = tomllib.loads("".join(lines[:number]))
        except ValueError:
            continue  # in the middle of a value of several lines
        if _has(content, key.split(".")):
            return next(
                at + 1 for at in range(begins, number) if lines[at].strip() and not lines[at].lstrip().startswith("#")
            )
        begins = number
    return None


def _has(content: object, path: list[str]) -> bool:
    for name in path:
        if not isinstance(content, dict) or name not in content:
            return False
        content = content[name]
    return True
