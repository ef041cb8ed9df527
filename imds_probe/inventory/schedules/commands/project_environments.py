"""Where the environment of a project has its programs: a virtual environment, node_modules, vendor, conda's."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.inventory.schedules.commands.project_asked import Asked
from imds_probe.inventory.schedules.system_files import SystemFiles

FILES_MAX = 60
Words = Sequence[str | None]
_ENVIRONMENTS = (".venv/bin", "venv/bin", "node_modules/.bin", "vendor/bin")
_CONDA = ("/opt/conda", "/opt/miniconda3", "/opt/anaconda3", "/opt/miniforge3", "~/miniconda3", "~/anaconda3", "~/miniforge3",
          "~/micromamba", "~/.conda")  # fmt: skip
_OF_TOOLS = {"poetry": "~/.cache/pypoetry/virtualenvs", "pipenv": "~/.local/share/virtualenvs"}


def places_of(program: str, arguments: Words, directory: str, home: str, files: SystemFiles) -> tuple[str, ...]:
    """Where what a runner starts is looked for first: in the environment of the project, or in the one that is named."""
    if program in ("conda", "mamba", "micromamba"):
        asked = Asked(program, tuple(word or "" for word in arguments), directory, files)
        if prefix := asked.value("-p", "--prefix"):
            return (f"{asked.at(prefix)}/bin",)
        name = asked.value("-n", "--name")
        tops = [top.replace("~", home) for top in _CONDA]
        inside = [f"{top}/bin" if name in ("", "base") else f"{top}/envs/{name}/bin" for top in tops]
        return tuple(each for each in inside if files.names(each))
    found = [f"{directory}/{each}" for each in _ENVIRONMENTS]
    if program in _OF_TOOLS:
        top = _OF_TOOLS[program].replace("~", home)
        found += [f"{top}/{name}/bin" for name in files.names(top)[:FILES_MAX]]
    return tuple(each for each in found if files.names(each))
