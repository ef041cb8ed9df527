"""Hooks of CodeDeploy: of the last deployment, some run at the next, and all where it is rolled back to.

Source: the AppSpec reference of CodeDeploy, and its agent.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH

AGENT = "/opt/codedeploy-agent/bin/codedeploy-agent"
ROOT = "/opt/codedeploy-agent/deployment-root"
INSTRUCTIONS = f"{ROOT}/deployment-instructions"
NAMES = ("appspec.yml", "appspec.yaml")
LAST = ("_last_successful_install", "_most_recent_install")
WHEN = "at each deployment"
DEPLOYMENTS_MAX, HOOKS_MAX, PATH_MAX = 500, 500, 1000


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Each script that the hooks of these deployments name."""
    if not any(files.files([AGENT])):
        return
    for archive in _archives(files):
        for path in files.files([f"{archive}/{name}" for name in NAMES]):
            text = files.text(path)
            document = files.yaml(text, path) if text else None
            hooks = document.get("hooks") if isinstance(document, dict) else None
            for location in files.some(path, list(_locations(hooks)), HOOKS_MAX, "scripts"):
                script = posixpath.normpath(f"{archive}/{location}")
                if not files.has_file(script):
                    continue  # the deployment fails there, and nothing is run
                # The agent makes each script executable before it runs it.
                executable = any(files.files([script], executable=True))
                command = (script,) if executable else ("/bin/sh", script)
                yield Scheduled(command, Place(path), "scheduled", WHEN, environment={"PATH": PATH}, directory=archive)


def _archives(files: SystemFiles) -> Iterator[str]:
    """Of each deployment group the one that ran last; all of them where the agent has not noted which."""
    noted = [f"{INSTRUCTIONS}/{name}" for name in files.names(INSTRUCTIONS) if name.endswith(LAST)]
    noted = list(files.some(INSTRUCTIONS, noted, DEPLOYMENTS_MAX, "deployments"))
    last = [(files.text(path, PATH_MAX) or "").strip() for path in noted]
    there = [posixpath.normpath(each) for each in last if each.startswith(f"{ROOT}/")]
    if not there:
        groups = [f"{ROOT}/{name}" for name in files.names(ROOT)]
        all_of_them = [f"{group}/{name}" for group in groups for name in files.names(group)]
        there = list(files.some(ROOT, all_of_them, DEPLOYMENTS_MAX, "deployments"))
    yield from (f"{each}/deployment-archive" for each in dict.fromkeys(there))


def _locations(hooks: object) -> Iterator[str]:
    for listed in hooks.values() if isinstance(hooks, dict) else ():
        for hook in listed if isinstance(listed, list) else ():
            location = hook.get("location") if isinstance(hook, dict) else None
            if isinstance(location, str) and location and "\0" not in location:
                yield location
