"""The reports in examples/: one of each verdict and of what changes it, as this version makes them of made-up hosts.

Write the files anew with `PYTHONPATH=tests .venv/bin/python tests/example_reports.py`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from golden_reports import CASES, golden_report
from observed import changed

from imds_probe import __version__
from imds_probe.dataclass import dataclass
from imds_probe.facts.host import Host
from imds_probe.facts.instance import Instance
from imds_probe.facts.owner import Owner
from imds_probe.facts.platform import Platform
from imds_probe.render import text
from imds_probe.report import Report, dump

EXAMPLES = Path(__file__).parents[1] / "examples"
# Nothing but reports: `imds-probe fleet` reads whatever lies there.
REPORTS, TEXTS, PAGE = EXAMPLES / "reports", EXAMPLES / "texts", EXAMPLES / "reports.md"


@dataclass(frozen=True)
class Example:
    """A host with a name and an Auto Scaling group of its own, and what the page says of it."""

    hostname: str
    group: str
    says: str


HOSTS = {
    "ready": Example(
        "web-11", "web", "nothing on the host calls IMDSv1, and nobody has watched: confidence is `medium`"
    ),
    "ready-watched": Example(
        "web-12", "web", "the same after two weeks and a boot that were watched: confidence is `high`"
    ),
    "ready-accepted": Example(
        "mail-1", "mail", "two findings would block the switch, and their risks are accepted until a day"
    ),
    "ready-switched": Example("web-13", "web", "tokens are required already, and nobody was refused"),
    "needs-hop-limit": Example("shop-1", "shop", "a container needs metadata and is one hop too far away"),
    "not-ready": Example("batch-1", "batch", "one package is too old"),
    "not-ready-much": Example(
        "shop-2", "shop", "a package is too old, a container receives no token, and a program was seen calling IMDSv1"
    ),
    "not-ready-code": Example("batch-2", "batch", "a script that cron starts asks without a token"),
    "not-ready-refused-switched": Example(
        "batch-3", "batch", "IMDSv1 is turned off, and a job is refused because it asks without a token"
    ),
    "unknown": Example("mail-2", "mail", "a user other than root ran it, so most could not be seen"),
    "unknown-elsewhere": Example("laptop", "", "the machine is not EC2"),
}


def example(name: str) -> Report:
    """One of them, of an instance of its own."""
    number = [*HOSTS].index(name) + 1
    host, facts = HOSTS[name], CASES[name]()
    changes: dict[str, object] = {"host": replace(facts[Host], hostname=host.hostname)}
    if (instance := facts.get(Instance)) is not None:
        identity = f"i-0123456789abcde{number:02x}"
        owner = Owner("auto-scaling", host.group, (f"the instance tag aws:autoscaling:groupName is {host.group}",))
        changes["instance"] = replace(instance, instance_id=identity, auto_scaling_group=host.group, owner=owner)
        changes["platform"] = replace(facts[Platform], instance_id=identity)
    report = golden_report(name, changed(facts, **changes))
    return replace(report, probe=replace(report.probe, version=__version__, run_id=f"{number:032x}"))


def files() -> dict[Path, str]:
    """What each file must hold."""
    made = {}
    for name in HOSTS:
        report = example(name)
        made[REPORTS / f"{name}.json"] = dump(report) + "\n"
        made[TEXTS / f"{name}.txt"] = text.render(report, text.Style())
    made[PAGE] = page()
    return made


def page() -> str:
    """The list of the reports."""
    rows = "".join(
        f"| [{name}.json](reports/{name}.json), [text](texts/{name}.txt) | `{example(name).verdict.state}` | {host.says} |\n"
        for name, host in HOSTS.items()
    )
    return (
        "# Reports\n\nReports of made-up hosts, as this version writes them. "
        "[The reference](../docs/report.md) has the fields. These commands need nothing but the files:\n\n"
        "```sh\n"
        "imds-probe fleet examples/reports              # one picture of all hosts\n"
        "imds-probe judge examples/reports/not-ready.json\n"
        "imds-probe explain switch examples/reports/needs-hop-limit.json\n```\n\n"
        f"| report | verdict | host |\n|---|---|---|\n{rows}\n"
        "The reports are of a fixed day, so the picture says after a week that they are old.\n"
    )


if __name__ == "__main__":
    wanted = files()
    for directory in (REPORTS, TEXTS):
        directory.mkdir(parents=True, exist_ok=True)
        for path in set(directory.iterdir()) - set(wanted):
            path.unlink()
    for path, held in wanted.items():
        path.write_text(held)
