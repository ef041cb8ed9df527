"""What Jenkins builds on its own controller: steps for a shell in the jobs of its home. Source: Jenkins's handbook.

A pipeline that comes from a repository stands in the record of its last build (build.xml), as it was run then.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH

# Where an administrator says that its home, or the program, is elsewhere.
SET_BY = (
    "/etc/default/jenkins",
    "/etc/sysconfig/jenkins",
    "/etc/systemd/system/jenkins.service",
    "/usr/lib/systemd/system/jenkins.service",
)
DROP_INS = "/etc/systemd/system/jenkins.service.d"
HOMES = ("/var/lib/jenkins", "/var/jenkins_home")
_TOPS = (
    "usr/share/java",
    "usr/share/jenkins",
    "usr/lib/jenkins",
    "usr/lib64/jenkins",
    "usr/local/lib/jenkins",
    "opt",
    "opt/jenkins",
)
INSTALLED = tuple(f"/{top}/jenkins.war" for top in _TOPS)
WHEN = "whenever Jenkins builds"
JOBS_MAX, DEPTH_MAX, STEPS_MAX, TEXT_MAX, STEP_MAX = 500, 4, 500, 1024 * 1024, 64 * 1024
BUILDS_MAX, BUILD_MAX = 100, 256 * 1024
_HOME = re.compile(r"^[^#\n]{0,200}\bJENKINS_HOME=[\"']?(/[^\s\"'$]{1,300})", re.MULTILINE)
_PROGRAM = re.compile(r"(/[^\s\"'$=:]{1,300}/jenkins\.war)\b")
_OF_REPOSITORY = re.compile(r"\b(?:CpsScmFlowDefinition|SCMBinder|WorkflowMultiBranchProject)\b")
_PIPELINE = "<flow-definition"
_CONTROLLER = ("master", "built-in")
_LABEL = re.compile(r"[\w.-]{1,200}")  # a longer one is an expression, which may be true of the controller
_STEP = re.compile(r"\bsh\b[ \t]{0,9}\(?[^'\"\n]{0,100}?('''|\"\"\"|'|\")")
# Where a pipeline runs: on any node, or on that of a label. What runs in a container may be on any.
_ANYWHERE = re.compile(
    r"\bagent[ \t]{1,9}any\b|\bnode[ \t]{0,9}(?:\([ \t]{0,9}\)[ \t]{0,9})?\{(?!\s{0,80}label\b)|"
    r"\bdocker(?:file)?[ \t]{0,9}[{'\"]|\bagent[ \t]{0,9}\{[ \t]{0,9}dockerfile\b"
)
_NODE_OF_STAGE = re.compile(r"\b(?:node[ \t]{0,9}\(|label[ \t]{1,9}(?=['\"]))[ \t]{0,9}(?=([^\n]{0,210}))")
_PLAIN_NODE = re.compile(r"(?:(['\"])([\w.-]{1,200})\1|POD_LABEL)[ \t]{0,9}(?:[)},]|\Z)")
_IN_A_POD = re.compile(r"\bkubernetes[ \t]{0,9}\{")
_ESCAPED = re.compile(r"\\([\\$'\"])")


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Each step of each job that is not disabled, and may run on the controller."""
    names = [f"{DROP_INS}/{name}" for name in files.names(DROP_INS) if name.endswith(".conf")]
    told = [files.text(path, TEXT_MAX) or "" for path in files.files([*SET_BY, *names])]
    installed = [*INSTALLED, *(each for text in told for each in _PROGRAM.findall(text))]
    homes = [each.rstrip("/") for text in told for each in _HOME.findall(text)]
    for home in dict.fromkeys((*HOMES, *homes)):
        jobs = list(_jobs(home, files))
        before, _, clouds = (files.text(f"{home}/config.xml", TEXT_MAX) or "").partition("<clouds>")
        settings = before + clouds.partition("</clouds>")[2]  # clouds have labels of agents
        if not jobs or _element(settings, "numExecutors") == "0":
            continue  # the controller builds nothing
        if not any(files.files(installed)):
            files.say(f"the jobs in {home} were not followed: Jenkins was not found where it is usually installed")
            continue
        labels = {*_CONTROLLER, *(word for _, each in _elements(settings, "label") for word in each.split())}
        exclusive = _element(settings, "mode") == "EXCLUSIVE"
        from_repository, builds = 0, BUILDS_MAX
        for name, path in jobs:
            text = files.text(path, TEXT_MAX) or ""
            node = html.unescape(_element(text, "assignedNode"))
            from_elsewhere = _OF_REPOSITORY.search(text) is not None
            pipeline = from_elsewhere or _PIPELINE in text
            elsewhere = node not in labels if _LABEL.fullmatch(node) else exclusive and not node and not pipeline
            if _element(text, "disabled") == "true" or elsewhere:
                continue
            steps = list(_steps(text, labels, exclusive=exclusive))
            for line, command in files.some(path, steps, STEPS_MAX, "steps"):
                yield _scheduled(home, name, Place(path, line), command)
            if not from_elsewhere:
                continue
            run = list(_last_builds(name, path, files, builds))
            builds -= len(run)
            from_repository += not exclusive and not all(each.is_whole for each in run)
            for each in run:
                steps = list(_steps(each.text, labels, exclusive=exclusive))
                for _, command in files.some(each.path, steps, STEPS_MAX, "steps"):
                    # At the job, and not at its last build, which is another one soon.
                    yield _scheduled(home, each.name, Place(each.path), command)
        if from_repository:
            said = f"pipelines in {home} were not read, as they come from a repository: {from_repository}"
            files.leave_out(f"{home}/jobs", unread.NO_SCRIPT, said)


def _scheduled(home: str, name: str, place: Place, command: str) -> Scheduled:
    workspace = f"{home}/workspace/{name}"
    told = {"PATH": PATH, "HOME": home, "JENKINS_HOME": home, "WORKSPACE": workspace, "JOB_NAME": name}
    told["JOB_BASE_NAME"] = name.rpartition("/")[2]
    return Scheduled(command, place, "scheduled", WHEN, environment=told, directory=workspace, user="jenkins")


@dataclass(frozen=True)
class _Build:
    """The record of the last build of a job or branch, and whether all that ran is in there: libraries and loaded scripts are
    elsewhere, and what has not been built is nowhere. `path` is that of the settings of the job or branch.
    """

    name: str
    path: str
    text: str
    is_whole: bool


def _last_builds(name: str, path: str, files: SystemFiles, most: int) -> Iterator[_Build]:
    """That of a job from a repository, or of each of its branches; of too many, one that is not whole stands for the rest."""
    at = path.rpartition("/")[0]
    branches = [(f"{name}_{each}", f"{at}/branches/{each}") for each in files.names(f"{at}/branches")]
    for count, (job, directory) in enumerate(branches or [(name, at)]):
        numbers = [each for each in files.names(f"{directory}/builds") if each.isascii() and each.isdecimal()]
        last = f"{directory}/builds/{max(numbers, key=_in_order, default='')}"
        text = (files.text(f"{last}/build.xml", BUILD_MAX) or "") if numbers and count < most else ""
        loaded = "<entry>" in text.partition("<loadedScripts")[2].partition("</loadedScripts>")[0]
        is_whole = "</script>" in text and not loaded and not files.names(f"{last}/libs")
        yield _Build(job, f"{directory}/config.xml", text, is_whole)
        if count >= most:
            return


def _in_order(number: str) -> tuple[int, str]:
    """Of numbers that may be of any length."""
    return len(number), number


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


def _is_elsewhere(script: str, labels: Collection[str], *, exclusive: bool) -> bool:
    """Whether no part of a pipeline runs on the controller."""
    if not exclusive and _ANYWHERE.search(script):
        return False
    named = [_PLAIN_NODE.match(each) for each in _NODE_OF_STAGE.findall(script)]
    bound = exclusive or bool(named) or _IN_A_POD.search(script) is not None
    return bound and all(each is not None and each[2] not in labels for each in named)


def _steps(text: str, labels: Collection[str], *, exclusive: bool) -> Iterator[tuple[int, str]]:
    """Steps of a job for a shell, and those of a pipeline, that run on the controller."""
    yield from ((line, command) for line, command in _elements(text, "command") if command.strip())
    for line, script in _elements(text, "script"):
        if _is_elsewhere(script, labels, exclusive=exclusive):
            continue
        for step in _STEP.finditer(script):
            if (command := _quoted(script, step.end(), step[1])).strip():
                yield line + script.count("\n", 0, step.start()), command


def _quoted(text: str, at: int, quote: str) -> str:
    """A text of Groovy up to the quote that ends it."""
    end = text.find(quote, at)
    while end > at and text[end - 1] == "\\":
        end = text.find(quote, end + 1)
    return _ESCAPED.sub(r"\1", text[at:end]) if end >= 0 else ""
