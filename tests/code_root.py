"""A made-up root whose programs are followed: what a test writes there, and what a command line loads of it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from imds_probe.inventory.code.following.command import start_of
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.known import Limits
from imds_probe.inventory.code.following.languages import LANGUAGES
from imds_probe.inventory.code.following.loads import Loads
from imds_probe.inventory.code.following.program import Following
from imds_probe.inventory.sdks.start import Start


class Root:
    """`put` writes contents by their paths."""

    def __init__(self, root: Path) -> None:
        self.path = root

    def put(self, files: Mapping[str, str | bytes]) -> Root:
        for path, content in files.items():
            at = self.path / path.lstrip("/")
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def ground(self, limits: Limits | None = None) -> Ground:
        return Ground(self.path, limits or Limits())

    def follow(
        self,
        *argv: str,
        directory: str = "/",
        environment: Mapping[str, str] | None = None,
        mapped: tuple[str, ...] = (),
        executable: str = "",
        left: tuple[str, ...] = (),
        limits: Limits | None = None,
    ) -> Loads:
        """What a command line loads, or a process whose program is at `executable`."""
        ground = self.ground(limits)
        if executable:
            found: Start | None = Start(
                executable, directory, argv, dict(environment or {}), frozenset(mapped), self.path
            )
        else:
            found = start_of(argv, ground, directory=directory, environment=environment)
        assert found is not None, f"there is no {argv[0]}"
        return Following(ground, LANGUAGES, left).follow(found)

    def loaded(self, *argv: str, **how: object) -> dict[str, str | None]:
        """The same: each file with the package that it belongs to."""
        return {load.path: load.package_root for load in self.follow(*argv, **how).files}  # type: ignore[arg-type]


def jar(manifest: str) -> bytes:
    """An archive with nothing but this manifest."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", manifest)
    return made.getvalue()
