"""What Jenkins builds on its own controller: steps for a shell in the jobs of its home. Source: Jenkins's handbook."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH

HOMES = ("/var/lib/jenkins", "/var/jenkins_home")
INSTALLED = tuple(
    f"/usr/{at}/jenkins.war" for at in ("share/java", "share/jenkins", "lib/jenkins", "lib64/jenkins", "local/lib/jenkins")
)  # fmt: skip
WHEN = "whenever Jenkins builds"
JOBS_MAX, DEPTH_MAX, STEPS_MAX, TEXT_MAX, STEP_MAX = 500, 4, 50, 1024 * 1024, 64 * 1024
_OF_REPOSITORY = ("CpsScmFlowDefinition", "SCMBinder", "WorkflowMultiBranchProject", "OrganizationFolder")
_CONTROLLER = ("master", "built-in")
_LABEL = re.compile(r"[\w.-]{1,200}")  # a longer one is an expression, which may be true of the controller
_STEP = re.compile(r"\bsh\b[ \t]{0,9}\(?[^'\"\n]{0,100}?('''|\"\"\"|'|\")")
_ESCAPED = re.compile(r"\\([\\$'\"])")


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Each step of each job that is not disabled, and may run on the controller."""
    for home in HOMES:
        jobs = list(_jobs(home, files))
        settings = files.text(f"{home}/config.xml", TEXT_MAX) or ""
        if not jobs or _element(settings, "numExecutors") == "0":
            continue  # the controller builds nothing
        if not any(files.files(INSTALLED)):
            files.say(f"the jobs in {home} were not followed: Jenkins was not found where it is usually installed")
            continue
        labels = {*_CONTROLLER, *(word for _, each in _elements(settings, "label") for word in each.split())}
        exclusive = _element(settings, "mode") == "EXCLUSIVE"
        from_repository = 0
        for name, path in jobs:
            text = files.text(path, TEXT_MAX) or ""
            node = html.unescape(_element(text, "assignedNode"))
            elsewhere = node not in labels if _LABEL.fullmatch(node) else exclusive and not node
            if _element(text, "disabled") == "true" or elsewhere:
                continue
            from_repository += any(each in text for each in _OF_REPOSITORY)
            for line, command in _steps(text):
                yield Scheduled(
                    command,
                    Place(path, line),
                    "scheduled",
                    WHEN,
                    environment={"PATH": PATH},
                    directory=f"{home}/workspace/{name}",
                    user="jenkins",
                )
        if from_repository:
            said = f"pipelines in {home} were not read, as they come from a repository: {from_repository}"
            files.leave_out(f"{home}/jobs", unread.NO_SCRIPT, said)


def _jobs(home: str, files: SystemFiles) -> Iterator[tuple[str, str]]:
    """The jobs, also in folders, by their names."""
    waiting = [(f"{home}/jobs", "", 0)]
    count = 0
    while waiting:
        at, above, depth = waiting.pop(0)
        names = files.names(at)
        paths = {f"{at}/{name}/config.xml": f"{above}{name}" for name in names}
        for path in files.files(list(paths)):
            count += 1
            if count > JOBS_MAX:
                files.leave_out(at, unread.MORE, f"{home} has more than {JOBS_MAX} jobs, and the rest was not read")
                return
            yield paths[path], path
            if depth < DEPTH_MAX:
                waiting.append((f"{path.rpartition('/')[0]}/jobs", f"{paths[path]}/", depth + 1))


def _element(text: str, name: str) -> str:
    """What the first element of this name has, as it stands there; empty where there is none."""
    return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0].strip()


def _elements(text: str, name: str) -> Iterator[tuple[int, str]]:
    begin, end = f"<{name}>", f"</{name}>"
    at = text.find(begin)
    while at >= 0:
        until = text.find(end, at)
        if until < 0:
            return
        yield text.count("\n", 0, at) + 1, html.unescape(text[at + len(begin) : until][:STEP_MAX]).replace("\r", "")
        at = text.find(begin, until)


def _steps(text: str) -> Iterator[tuple[int, str]]:
    """Steps of a job for a shell, and those of a pipeline that stands in the job itself."""
    number = 0
    for line, command in _elements(text, "command"):
        number += 1
        if number <= STEPS_MAX and command.strip():
            yield line, command
    for line, script in _elements(text, "script"):
        for step in _STEP.finditer(script):
            number += 1
            if number <= STEPS_MAX and (command := _quoted(script, step.end(), step[1])).strip():
                yield line + script.count("\n", 0, step.start()), command


def _quoted(text: str, at: int, quote: str) -> str:
    """A text of Groovy up to the quote that ends it."""
    end = text.find(quote, at)
    while end > at and text[end - 1] == "\\":
        end = text.find(quote, end + 1)
    return _ESCAPED.sub(r"\1", text[at:end]) if end >= 0 else ""
