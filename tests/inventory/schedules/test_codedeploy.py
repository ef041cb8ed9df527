from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import codedeploy
from imds_probe.inventory.schedules.codedeploy import AGENT, INSTRUCTIONS, ROOT
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

SPEC = """version: 0.0
os: linux
hooks:
  ApplicationStop:
    - location: scripts/stop.sh
      runas: root
    - location: ../x  # which is not there
"""


def deployment(name: str, spec: str = SPEC) -> dict[str, str]:
    at = f"{ROOT}/group/{name}/deployment-archive"
    return {f"{at}/appspec.yml": spec, f"{at}/scripts/stop.sh": "x\n"}


def looked(at: Path, files: dict[str, str], *executable: str) -> list[object]:
    return [each.command for each in codedeploy.look(SystemFiles(made(at, files, executable=executable)))]


def test_scripts_of_hooks_run_at_the_next_deployment(tmp_path: Path) -> None:
    script = f"{ROOT}/group/d-1/deployment-archive/scripts/stop.sh"
    files = {AGENT: ""} | deployment("d-1")
    assert looked(tmp_path, files, script)[0] == (script,)
    assert looked(tmp_path / "not-yet", files)[0] == ("/bin/sh", script)  # the agent makes it executable
    assert looked(tmp_path / "without", deployment("d-1"), script) == []


def test_a_script_that_is_not_there_is_not_run(tmp_path: Path) -> None:
    system = SystemFiles(made(tmp_path, {AGENT: "", f"{ROOT}/group/d-1/deployment-archive/appspec.yml": SPEC}))
    assert list(codedeploy.look(system)) == []
    assert (system.troubles, system.take_left_out()) == ([], ())


def test_only_the_deployment_that_ran_last_counts(tmp_path: Path) -> None:
    files = {AGENT: "", **deployment("d-1"), **deployment("d-2")}
    assert len(looked(tmp_path, files)) == 2
    noted = {
        f"{INSTRUCTIONS}/group_last_successful_install": f"{ROOT}/group/d-2\n",
        f"{INSTRUCTIONS}/group_cleanup": "/x",
    }
    found = looked(tmp_path / "noted", files | noted)
    assert len(found) == 1
    assert found[0] == ("/bin/sh", f"{ROOT}/group/d-2/deployment-archive/scripts/stop.sh")


@pytest.mark.parametrize(
    "spec", ["", "[", "- x\n", "hooks: x\n", "hooks: {A: x}\n", "hooks: {A: [x, {location: 1}, {location: }]}\n"]
)
def test_what_names_no_script_runs_none(tmp_path: Path, spec: str) -> None:
    assert looked(tmp_path, {AGENT: ""} | deployment("d-1", spec)) == []


@pytest.mark.parametrize(
    ("limit", "place"), [("HOOKS_MAX", f"{ROOT}/group/d-1/deployment-archive/appspec.yml"), ("DEPLOYMENTS_MAX", ROOT)]
)
def test_what_is_too_much_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, place: str) -> None:
    many = SPEC + "    - location: scripts/stop.sh\n" * 2
    files = {AGENT: ""} | deployment("d-1", many) | deployment("d-2")
    system = SystemFiles(made(tmp_path, files))
    assert len(list(codedeploy.look(system))) == 4
    assert system.take_left_out() == ()
    monkeypatch.setattr(codedeploy, limit, 1 if limit == "DEPLOYMENTS_MAX" else 2)
    assert len(list(codedeploy.look(system))) == (3 if limit == "DEPLOYMENTS_MAX" else 2)
    assert LeftOut(place, unread.MORE) in system.take_left_out()
