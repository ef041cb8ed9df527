"""README and docs must stay true: samples are text that the probe prints, commands, options and links exist."""

import calendar
import json
import re
import time

import example_reports
import pages
import pytest
import yaml
from golden_reports import DIRECTORY, golden_report
from pages import PAGES, README, ROOT

from imds_probe.commands import COMMANDS, confirming
from imds_probe.commands.dispatch import main
from imds_probe.confirmation import Confirmation
from imds_probe.fleet import plan_page
from imds_probe.fleet.gathering import gathered
from imds_probe.fleet.page import page_of
from imds_probe.fleet.painting import picture
from imds_probe.fleet.plan import plan
from imds_probe.fleet.reasons import Terms
from imds_probe.issues import place_for_vulnerabilities
from imds_probe.rehearsal.callers import Seen, Totals
from imds_probe.rehearsal.words import summary
from imds_probe.render.lines import Style, laid_out
from imds_probe.report import dump
from imds_probe.report_document import read
from imds_probe.rules import RULES
from imds_probe.system import remembered
from imds_probe.verdict import EXIT_CODES

MOST_COUNTED = 100_000  # beyond that are bytes
GOLDEN = "".join(path.read_text() for path in DIRECTORY.glob("*.txt"))
SHELL = "".join(text for page in PAGES for language, text in pages.blocks(page) if language == "sh")


def test_readmes_first_two_commands():
    assert [line.split()[:2] for line in pages.blocks(README)[0][1].splitlines()] == [
        ["make", "demo"],
        ["make", "test"],
    ]


def test_how_much_of_the_soak_make_test_has():
    rows = re.findall(
        r"`(tests/\S+\.py)` \| ([\d,]+) \w+ \| ([\d,]+) \w+ \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )
    listed = [(path, *(int(number.replace(",", "")) for number in numbers)) for path, *numbers in rows]
    assert len(listed) > 5
    assert sorted(listed) == sorted(short_forms())


def short_forms():
    """Each test that counts something, with how much of it there is in `make test` and in `make soak`."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for short, long in re.findall(
            r"\[(\([\d, _]+\)|\d+), pytest\.param\(([\d, _]+), marks=pytest\.mark\.soak\)\]", path.read_text()
        ):
            pairs = zip(numbers_in(short), numbers_in(long), strict=True)
            # The first that the test is about: the most of the long form.
            few, many = max(pairs, key=lambda pair: pair[1] if pair[1] <= MOST_COUNTED else 0)
            if few < many:  # "step_ms" is a step, not a count
                yield str(path.relative_to(ROOT)), few, many


def numbers_in(text):
    return [int(number.replace("_", "")) for number in re.findall(r"\d[\d_]*", text)]


def test_readme_can_be_read_in_one_sitting():
    assert len(README.read_text().splitlines()) <= 150


def test_the_sample_reports_are_what_is_printed():
    samples = [
        text
        for page in PAGES
        for language, text in pages.blocks(page)
        if not language and page.name not in ("architecture.md", "rehearse.md", "tutorial.md")
    ]
    assert len(samples) == 3
    for line in "".join(samples).splitlines():
        assert line.removesuffix(" ...").removesuffix("...") in GOLDEN


def rehearsed():
    seen = [Seen(812, "/opt/report.sh", refused=4, missed={"/x"}), Seen(790, "app", tokens=1, passed=6)]
    return summary(seen, Totals(4, 1, 6, 0), 60.0, 0.0)[1:]


def test_the_sample_of_a_rehearsal_is_what_is_printed():
    ((_, sample),) = (block for block in pages.blocks(ROOT / "docs/rehearse.md") if not block[0])
    assert sample.splitlines() == rehearsed()


def of_the_examples(capsys):
    """All that the examples are shown as, on the day that they are from."""
    for words in (["software-too-old"], ["switch", str(example_reports.REPORTS / "ready-watched.json")]):
        assert main(["explain", *words]) == 0
    yield capsys.readouterr().out
    yield from (path.read_text() for path in example_reports.TEXTS.iterdir())
    now = float(calendar.timegm(time.strptime("2026-11-23", "%Y-%m-%d")))
    found = gathered([str(example_reports.REPORTS)], now, 1)
    yield laid_out(page_of(picture(found, by=("owner",), max_age_s=1.0)), Style())
    yield laid_out(plan_page.page_of(plan(found, Terms(max_age_s=1.0))), Style())
    yield "\n".join(confirming.in_words(read_again("ready-watched"), Confirmation()))
    yield "\n".join(rehearsed())


def read_again(name):
    return read(json.loads(dump(golden_report(name))))


def test_the_samples_of_the_tutorial_are_what_is_printed(capsys):
    samples = [text for language, text in pages.blocks(ROOT / "docs/tutorial.md") if not language]
    assert len(samples) > 8
    printed = "\n".join(of_the_examples(capsys))
    lines = [line for text in samples for line in text.splitlines()]
    assert [line for line in lines if line.removesuffix(" ...").removesuffix("...") not in printed] == []


@pytest.mark.parametrize("line", sorted(set(re.findall(r"^(?:sudo )?imds-probe ([a-z][^#|\n]*)", SHELL, re.MULTILINE))))
def test_their_commands_and_options_exist(line, capsys):
    name, *rest = line.split()
    assert name in COMMANDS
    with pytest.raises(SystemExit):
        main([name, "--help"])
    known = capsys.readouterr().out
    ours = rest[: rest.index("--")] if "--" in rest else rest
    assert all(word in known for word in ours if word.startswith("--"))


def test_there_is_a_page_on_each_command():
    assert {name for name in COMMANDS if f"imds-probe {name}" not in pages.everything()} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for path, anchor in pages.links(page):
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in pages.headings(target), (path, anchor)


def test_every_page_is_led_to():
    led_to = {(page.parent / path).resolve() for page in PAGES for path, _ in pages.links(page)}
    assert {page.name for page in PAGES if page not in led_to} == {"README.md"}


def test_what_the_page_on_security_names_is_there():
    named = re.findall(r"`((?:tests|imds_probe)/[\w./]+)`", (ROOT / "SECURITY.md").read_text())
    assert len(named) > 15
    assert [each for each in named if not (ROOT / each).exists()] == []


def test_verdicts_have_the_exit_codes_that_the_pages_say():
    for page in (README, ROOT / "docs/verdict.md"):
        said = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", page.read_text(), re.MULTILINE)
        assert {state: int(code) for state, code in said if state in EXIT_CODES} == EXIT_CODES


def test_the_page_on_accepted_risks_names_each_finding_that_cannot_be_accepted():
    accepted = (ROOT / "docs/accepted-risks.md").read_text()
    (entry,) = re.findall(r"^- \*\*Some findings cannot be accepted\.\*\*(.*?)\.", accepted, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`([a-z0-9-]+)`", entry)) == {
        kind.id for rule in RULES for kind in rule.kinds if kind.not_acceptable
    }


def test_the_index_has_every_page():
    index = ROOT / "docs/README.md"
    there = {path.partition("/")[2] or path for path, _ in pages.links(index)}
    left_out = {page.name for page in (ROOT / "docs").glob("*.md")} - there - {"README.md"}
    assert {name for name in left_out if not name.startswith("adding-")} == set()


def test_the_page_on_security_says_whom_to_tell():
    assert f"in private, {place_for_vulnerabilities()}. " in (ROOT / "SECURITY.md").read_text()


def test_every_file_that_is_kept_between_runs_is_documented():
    source = "".join(path.read_text() for path in (ROOT / "imds_probe/collect").glob("*.py"))
    kept = re.findall(r'Remembered\(state, "(\w+)"', source)
    assert len(kept) == source.count("Remembered(state") > 0
    for page in ("docs/on-the-host.md", "SECURITY.md", "packaging/imds-probe.1"):
        text = (ROOT / page).read_text()
        assert [name for name in kept if f"{name}.remembered" not in text] == []
        assert (
            f"{remembered.SIZE_MAX_BYTES // 2**20}\nMiB" in text or f"{remembered.SIZE_MAX_BYTES // 2**20} MiB" in text
        )


def test_issue_forms_ask_for_what_decides():
    forms = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github/ISSUE_TEMPLATE").iterdir()}
    asked = {name: [field["id"] for field in form["body"]] for name, form in forms.items()}
    assert asked == {"wrong-verdict": ["kind", "happened", "report"], "missing-software": ["name", "version", "source"]}
    for form in forms.values():
        assert form["name"]
        assert form["description"]
        assert all(field["validations"]["required"] and field["attributes"]["label"] for field in form["body"])


def test_the_hook_before_a_commit_runs_what_make_lint_runs():
    ((hook,),) = [repo["hooks"] for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]]
    assert hook["entry"] == "make lint"
    assert "\nlint: " in (ROOT / "Makefile").read_text()
