"""What Django loads of a project by the names in its settings."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import Load

PROJECT_MAX = 5000  # files of a project of Django
_COMMANDS = "/management/commands/"
_OF_PACKAGES = ("__init__.py", "apps.py", "models.py", "settings.py", "urls.py")
_DIRECTORIES_ASIDE = ("tests", "migrations", "venv", "site-packages")
_ASIDE = ("/tests/", "/test_", "/tests.py", "/migrations/", "/venv/", "/site-packages/", "/node_modules/")


def of_django(script: str, rest: Sequence[str], ground: Ground) -> Iterator[Load]:
    """What Django loads by the names in its settings: of a project its packages, but of commands only the one that is asked for.

    Scripts that lie in the same directories, or beside the project's own, are nothing that it loads.
    """
    name = next((word for word in rest if not word.startswith("-")), "")
    for path in ground.walked(
        posixpath.dirname(script), (".py",), PROJECT_MAX, of_program=True, aside=_DIRECTORIES_ASIDE
    ):
        directory = posixpath.dirname(path)
        if _COMMANDS in path:
            if path.endswith(f"{_COMMANDS}{name}.py"):
                yield Load(path)
        elif directory.endswith("/settings") or not ground.listed(directory).isdisjoint(_OF_PACKAGES):
            if any(aside in path for aside in _ASIDE):
                continue
            yield Load(path)
