"""Pages as a browser shows them: Chromium, which is asked and not looked at."""

from __future__ import annotations

import os
import re
from pathlib import Path

import golden_fleet
import pytest
from chromium import Chromium, chromium
from golden_reports import golden_report
from hostile_pages import HOSTILE, LONGEST, hostile

from imds_probe.fleet.page import page_of as fleet_page
from imds_probe.fleet.page_hosts import hosts
from imds_probe.fleet.room import DOCUMENT
from imds_probe.render import html
from imds_probe.render.page.blocks import Page, Part, Table
from imds_probe.render.page.bounds import LONG
from imds_probe.render.page.page import page_of
from imds_probe.render.web.document import document

AXE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "imds-probe/axe-core-4.11.0/axe.min.js")
NAMES = ("ready-watched", "needs-hop-limit-far", "not-ready-much", "unknown")
FLEET, HOSTILE_HOST, HOSTILE_FLEET, LONGEST_HOST = "fleet", "hostile-host", "hostile-fleet", "longest-host"
PAPER = 687  # pixels between the margins of A4
HOSTS = 24  # enough rows for whatever a table can do
ALL = (*NAMES, FLEET, HOSTILE_HOST, HOSTILE_FLEET)
# Beside their own box nothing is wider than the window: what scrolls has a box of its own.
TOO_WIDE = """
[...document.querySelectorAll('body *')]
  .filter((each) => !each.closest('.scroll, .hidden, .skip, svg, head') || each.matches('.scroll'))
  .filter((each) => each.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((each) => each.outerHTML.slice(0, 200))
"""
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
# Each box that scrolls can be reached by the keyboard, and says what it is.
UNREACHABLE = """
[...document.querySelectorAll('*')]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(each).overflowX))
  .filter((each) => each.tabIndex !== 0 || !each.getAttribute('aria-label'))
  .map((each) => each.outerHTML.slice(0, 200))
"""
FAULTS = """
axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations
  .filter((each) => ['serious', 'critical'].includes(each.impact))
  .map((each) => `${each.id}: ${each.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 200)} ${node.failureSummary}`)}`))
"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pages")
    found, known = golden_fleet.fleet(HOSTS), golden_fleet.known(5, HOSTS + 4)
    of_fleet = fleet_page(golden_fleet.whole_picture(found, known), DOCUMENT, (hosts(found, golden_fleet.BY, known),))
    of_host = page_of(golden_report("not-ready-much"), LONG)
    made = {name: html.render(golden_report(name)) for name in NAMES}
    made[FLEET] = golden_fleet.document(HOSTS)
    for name, page, text in (
        (HOSTILE_HOST, of_host, HOSTILE),
        (HOSTILE_FLEET, of_fleet, HOSTILE),
        (LONGEST_HOST, of_host, LONGEST),
    ):
        made[name] = document("page.html", page=hostile(page, text))
    for name, held in made.items():
        (directory / f"{name}.html").write_text(held)
    return directory


def opened(browser: Chromium, pages: Path, name: str, **how) -> Path:
    path = pages / f"{name}.html"
    browser.show(**how)
    browser.open(path)
    return path


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("width", "dark", "scripts"), [(1400, False, True), (400, True, False)], ids=["wide", "narrow-dark-without-scripts"]
)
def test_it_opens_without_a_complaint_fits_and_asks_for_nothing(browser, pages, name, width, dark, scripts):
    path = opened(browser, pages, name, width=width, dark=dark, scripts=scripts)
    assert browser.run("document.querySelectorAll('main section').length") > 4
    assert browser.run(FITS), browser.run(TOO_WIDE)
    assert browser.run(TOO_WIDE) == []
    assert browser.run(UNREACHABLE) == []
    assert browser.run("document.querySelectorAll('button').length > 0") is scripts
    assert (browser.said, browser.asked) == ([], [path.as_uri()])
    assert browser.run("window.broken") is None
    assert browser.run("document.querySelectorAll('script').length") == 1
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", ground))) < 64 if dark else min(map(int, re.findall(r"\d+", ground))) > 192


# Each kind of page, as it takes seconds: what else there is of colours, web/test_colours.py has.
@pytest.mark.parametrize(("name", "dark"), [("not-ready-much", False), (FLEET, False), (HOSTILE_HOST, True)])
def test_axe_finds_no_serious_fault(browser, pages, name, dark):
    opened(browser, pages, name, dark=dark)
    browser.run(AXE.read_text() + "; null")
    assert browser.run(FAULTS) == []


@pytest.mark.parametrize("name", [HOSTILE_HOST, HOSTILE_FLEET])
def test_hostile_text_is_shown_as_text(browser, pages, name):
    opened(browser, pages, name)
    text = browser.run("document.body.innerText")
    assert "<script>window.broken=1</script><img src=x onerror=window.broken=1>\"' onfocus=" in text
    assert "{{7*7}}{% raw %}\\u202e\\u2066\\x1b[2J\\x00" in text
    assert browser.run("document.querySelectorAll('img, [onfocus], [onerror]').length") == 0


def test_a_text_of_ten_megabytes_is_cut_and_says_so(browser, pages):
    opened(browser, pages, LONGEST_HOST, width=400)
    assert browser.run(FITS)
    assert browser.said == []
    assert "(the first 2,000 of 10,000," in browser.run("document.querySelector('h1').innerText")
    assert browser.run("document.querySelectorAll('.copy').length") == 0  # nothing of it is to be pasted


def column(browser: Chromium, number: int) -> list[str]:
    rows = "document.querySelector('#sorted').tBodies[0].rows"
    return browser.run(f"[...{rows}].map((row) => row.cells[{number}].textContent)")


def test_a_table_is_sorted_by_the_keyboard_and_says_so(browser, pages):
    opened(browser, pages, FLEET)
    # The hosts' own table: its first column is of words, its last but one of numbers.
    browser.run("document.querySelector('table:has(caption.hidden):has(tbody tr:nth-child(24))').id = 'sorted'")
    before = column(browser, 0)
    calls = browser.run(
        "[...document.querySelectorAll('#sorted thead th')].findIndex((head) => head.textContent === 'v1 calls')"
    )
    for at, number in ((0, False), (calls, True)):
        browser.run(f"document.querySelectorAll('#sorted thead button')[{at}].focus()")
        for state in ("ascending", "descending"):
            browser.press("Enter", 13)
            assert (
                browser.run(f"document.querySelectorAll('#sorted thead th')[{at}].getAttribute('aria-sort')") == state
            )
            shown = column(browser, at)
            keys = [float(cell) if cell != "-" else float("-inf") for cell in shown] if number else shown
            assert keys == sorted(keys, reverse=state == "descending")
            assert browser.run("document.querySelector('[role=status]').textContent").endswith(f"{state}.")
        assert browser.run("document.querySelectorAll('#sorted [aria-sort]').length") == 1
    assert sorted(column(browser, 0)) == sorted(before)
    assert browser.said == []


def test_focus_is_seen_and_a_wide_table_scrolls_by_the_keyboard(browser, pages):
    opened(browser, pages, FLEET, width=400)
    browser.press("Tab", 9)
    assert browser.run("document.activeElement.className") == "skip"
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    box = "document.activeElement"
    for _ in range(60):
        browser.press("Tab", 9)
        if browser.run(f"{box}.matches('.scroll') && {box}.scrollWidth > {box}.clientWidth + 20"):
            break
    assert browser.run(f"{box}.matches('.scroll:focus-visible')")
    browser.press("ArrowRight", 39)
    assert browser.run(until(f"{box}.scrollLeft > 0"))


def until(condition: str) -> str:
    """What waits until a condition holds, and is what it comes to."""
    return f"new Promise((done) => {{ const see = () => ({condition}) ? done({condition}) : setTimeout(see, 20); see(); }})"


def test_rows_are_filtered(browser, pages):
    opened(browser, pages, FLEET)
    browser.run("document.querySelector('.filter input').focus()")
    browser.send("Input.insertText", text="NOT READY")
    shown = "[...document.querySelector('.filter + .scroll table').tBodies[0].rows].filter((row) => !row.hidden)"
    assert browser.run(f"{shown}.every((row) => row.cells[1].textContent === 'not ready')")
    assert browser.run(f"`${{{shown}.length}}`") in browser.run("document.querySelector('[role=status]').textContent")


def test_a_command_is_copied_or_selected(browser, pages):
    opened(browser, pages, "not-ready-much")
    command = browser.run("document.querySelector('[data-copy] code').textContent")
    browser.run("document.querySelector('.copy').click()")
    words = "document.querySelector('.copy').textContent"
    said = browser.run(until(f"{words} === 'Copy' ? '' : {words}"))
    assert said == "Copied" or browser.run("getSelection().toString()") == command
    assert browser.said == []


@pytest.mark.parametrize("name", ["not-ready-much", FLEET])
def test_it_prints_on_a4_in_dark_colours_of_ink(browser, pages, name):
    opened(browser, pages, name, dark=True)
    printed = browser.printed()
    assert re.findall(rb"/MediaBox\s*\[0 0 (\d+)\S* (\d+)", printed)[0] in ((b"594", b"841"), (b"595", b"842"))
    browser.send(
        "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.send("Emulation.setEmulatedMedia", media="", features=[])


@pytest.mark.parametrize("columns", [8, 10])
def test_all_columns_and_the_rows_that_the_filter_hides_are_on_paper(browser, tmp_path, columns):
    rows = tuple(tuple(f"c{column}r{row}-{'w' * 16}" for column in range(columns)) for row in range(24))
    table = Table(tuple(f"column {column}" for column in range(columns)), rows)
    made = document("page.html", page=Page("h", "green", "", "s", (Part("P", (table,)),), ()))
    (tmp_path / "wide.html").write_text(made)
    browser.show(width=PAPER)
    browser.open(tmp_path / "wide.html")
    browser.run("document.querySelector('.filter input').focus()")
    browser.send("Input.insertText", text="r7-")
    hidden = "[...document.querySelectorAll('tbody tr[hidden]')]"
    assert browser.run(f"{hidden}.length") == 23
    browser.send("Emulation.setEmulatedMedia", media="print")
    assert browser.run(f"{hidden}.every((row) => row.getBoundingClientRect().height > 0)")
    assert browser.run("document.querySelector('table').getBoundingClientRect().right") <= PAPER
    browser.send("Emulation.setEmulatedMedia", media="")
