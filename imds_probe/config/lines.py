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


def lines_of_tables(text: str, name: str, count: int) -> tuple[int, ...]:
    """The lines, from 1, with the `count` headers [[name]]; empty where the tables are written otherwise, as in one array.

    In time linear in the text: there may be hundreds.
    """
    headers = (f"[[{name}]]", f'[["{name}"]]')
    found = [
        number
        for number, line in enumerate(text.split("\n"), 1)
        if line.partition("#")[0].replace(" ", "").strip() in headers
    ]
    return tuple(found) if len(found) == count else ()


def line_below(text: str, header: int, key: str) -> int:
    """The line of a key of the table that begins at line `header`; that line where the key is not found."""
    for number, line in enumerate(text.split("\n")[header:], header + 1):
        if line.lstrip().startswith("["):
            break
        if line.partition("=")[0].strip().strip("\"'") == key:
            return number
    return header
