"""Byte code of modules, by the interpreter that runs this: compiler.py beside|instead STAGE PLACE...

Each PLACE is a file or a directory below STAGE, which is what the names in tracebacks leave out. Byte code lies beside its
source, in __pycache__, or where it can be imported instead of it.

What only a reader of the source has a use for is left out. Documentation strings are a tenth of byte code. A dataclass
keeps its own, as another would be worked out each time a program starts. Assertions stay, which `-OO` would leave out, too:
libraries check arguments by them.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import sys
from collections.abc import Sequence
from pathlib import Path

UNCHECKED_HASH = 0b01  # PEP 552


def without_documentation(source: bytes, name: str) -> ast.Module:
    """A module without documentation strings, each line where it was. Raises SyntaxError."""
    tree = ast.parse(source, name)
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.ClassDef) and not any("dataclass" in ast.unparse(each) for each in node.decorator_list)
        )
        if not documented:
            continue
        while node.body and _is_text(node.body[0]):  # a second one would be the first
            text = node.body.pop(0)
            if not (node.body or isinstance(node, ast.Module)):
                node.body.append(ast.copy_location(ast.Pass(), text))
    return tree


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def main(argv: Sequence[str]) -> int:
    stage, *places = (Path(each) for each in argv[1:])
    for place in places:
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            source, name = path.read_bytes(), f"/{path.relative_to(stage)}"
            code = compile(without_documentation(source, name), name, "exec", dont_inherit=True)
            target = (
                Path(importlib.util.cache_from_source(str(path))) if argv[0] == "beside" else path.with_suffix(".pyc")
            )
            target.parent.mkdir(exist_ok=True)
            head = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH.to_bytes(4, "little")
            target.write_bytes(head + importlib.util.source_hash(source) + marshal.dumps(code))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
