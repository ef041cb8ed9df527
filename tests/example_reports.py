"""The reports in examples/: one of each verdict and of what changes it, as this version makes them of made-up hosts.

Write the files anew with `PYTHONPATH=tests .venv/bin/python tests/example_reports.py`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from golden_reports import golden_report

from imds_probe import __version__
from imds_probe.render import text
from imds_probe.report import dump

DIRECTORY = Path(__file__).parents[1] / "examples/reports"
# What the page there says of each.
EXAMPLES = {
    "ready": "nothing on the host calls IMDSv1, and nobody has watched: confidence is `medium`",
    "ready-watched": "the same after two weeks and a boot that were watched: confidence is `high`",
    "ready-accepted": "two findings would block the switch, and their risks are accepted until a day",
    "ready-switched": "tokens are required already, and nobody was refused",
    "needs-hop-limit": "a container needs metadata and is one hop too far away",
    "not-ready": "one package is too old",
    "not-ready-much": "a package and an SDK are too old, and a program was seen calling IMDSv1",
    "not-ready-code": "a script that cron starts asks without a token",
    "not-ready-refused-switched": "IMDSv1 is turned off, and a job is refused because it asks without a token",
    "unknown": "a user other than root ran it, so most could not be seen",
    "unknown-elsewhere": "the machine is not EC2",
}


def files() -> dict[Path, str]:
    """What each file must hold."""
    made = {}
    for name in EXAMPLES:
        report = golden_report(name)
        report = replace(report, probe=replace(report.probe, version=__version__))
        made[DIRECTORY / f"{name}.json"] = dump(report) + "\n"
        made[DIRECTORY / f"{name}.txt"] = text.render(report, text.Style())
    made[DIRECTORY / "README.md"] = page()
    return made


def page() -> str:
    """The list of the reports."""
    rows = "".join(
        f"| [{name}.json]({name}.json), [text]({name}.txt) | `{golden_report(name).verdict.state}` | {said} |\n"
        for name, said in EXAMPLES.items()
    )
    return (
        "# Reports\n\nReports of made-up hosts, as this version writes them. "
        "[The reference](../../docs/report.md) has the fields.\n\n"
        f"| report | verdict | host |\n|---|---|---|\n{rows}\n"
        "```sh\nimds-probe judge examples/reports/not-ready.json\n"
        "imds-probe explain switch examples/reports/needs-hop-limit.json\n```\n"
    )


if __name__ == "__main__":
    wanted = files()
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for path in set(DIRECTORY.iterdir()) - set(wanted):
        path.unlink()
    for path, held in wanted.items():
        path.write_text(held)
