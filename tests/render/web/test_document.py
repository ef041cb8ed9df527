import base64
import hashlib
import re
import subprocess
import sys

from golden_reports import CASES, golden_report

from imds_probe.render.page.blocks import Code, Page, Part, Table
from imds_probe.render.page.bounds import LONG
from imds_probe.render.page.page import page_of
from imds_probe.render.web.document import LINE_MAX, PARTS, document, numbers


def shown(*blocks):
    return document("page.html", page=Page("READY", "green", "", "It is.", (Part("Part", blocks),), ()))


def test_the_policy_knows_the_style_and_the_script_and_nothing_else():
    made = document("page.html", page=page_of(golden_report("ready"), LONG))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', made)
    digests = {
        name: "sha256-" + base64.b64encode(hashlib.sha256(held.encode()).digest()).decode()
        for name, (held,) in (
            ("style", re.findall(r"<style>(.*?)</style>", made, re.DOTALL)),
            ("script", re.findall(r"<script>(.*?)</script>", made, re.DOTALL)),
        )
    }
    assert policy == (
        f"default-src 'none'; style-src '{digests['style']}'; script-src '{digests['script']}'; base-uri 'none'; "
        "form-action 'none'"
    )
    # What the policy forbids would be dropped without a word.
    assert not re.search(r"<[^>]+\s(?:style|on\w+)=", made)


def test_no_encoding_of_an_output_can_change_it():
    assert all(path.read_bytes().isascii() for path in PARTS.iterdir())
    assert all(document("page.html", page=page_of(golden_report(name), LONG)).isascii() for name in CASES)
    assert "caf&#233;" in shown(Code(("café",)))


def test_what_is_cut_is_not_to_be_pasted():
    assert "data-copy><pre>" in shown(Code(("x" * LINE_MAX,)))
    assert "data-copy><pre>" not in shown(Code(("short", "x" * (LINE_MAX + 1))))


def test_columns_of_numbers_are_told_from_others():
    table = Table(("a", "b", "c", "d"), (("x1", "1", "33.3 %", "-"), ("2", "+3", "not known", "host")))
    assert numbers(table) == {1, 2}
    assert numbers(Table(("a",), ())) == frozenset()
    made = shown(table)
    assert made.count('<th scope="col" class="n">') == 2
    assert "<table data-sort>" in made
    assert "<table data-sort>" not in shown(Table(("a",), (("1",),)))


def test_it_is_loaded_only_where_html_is_made():
    code = (
        "import sys, imds_probe.commands.dispatch, imds_probe.commands.run, imds_probe.commands.fleet, imds_probe.fleet.page;"
        "import imds_probe.render.text; sys.exit(any(name in sys.modules for name in ('jinja2', 'markupsafe')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
