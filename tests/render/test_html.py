import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from golden_reports import CASES, golden_report
from hostile_pages import HOSTILE, LONGEST, hostile
from observed import HOST, changed, report_of, with_imds

from imds_probe.render.html import render
from imds_probe.render.page.bounds import LONG
from imds_probe.render.page.page import page_of
from imds_probe.render.web.document import document

VOID = ("meta", "br", "path", "rect", "circle")


class Outline(HTMLParser):
    def __init__(self, document):
        super().__init__()
        self.open, self.tags, self.text, self.headings = [], [], [], []
        self.attributes = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("name", CASES)
def test_it_is_well_formed_and_says_what_the_page_says(name):
    outline = Outline(render(golden_report(name)))
    page = page_of(golden_report(name), LONG)
    assert outline.open == []
    said = [text.strip() for text in outline.text]
    assert page.headline in said
    assert page.sentence in said
    assert all(part.heading in said for part in page.parts)
    # Each level of headings begins below the one above.
    assert outline.headings[0] == 1
    assert all(after <= before + 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))
    ids = [value for _, name, value in outline.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    anchors = {value for _, name, value in outline.attributes if name == "href"}
    assert {anchor.removeprefix("#") for anchor in anchors} <= set(ids)


def test_names_cannot_become_markup():
    facts = changed(with_imds(answered_by="<script>alert(1)</script>"), host=replace(HOST, hostname="<img src=x>"))
    document = render(report_of(facts))
    outline = Outline(document)
    assert outline.tags.count("script") == 1  # its own
    assert "img" not in outline.tags
    assert "&lt;script&gt;" in document


@pytest.mark.parametrize("text", [HOSTILE, LONGEST], ids=["hostile", "of ten megabytes"])
def test_no_text_anywhere_can(text):
    page = hostile(page_of(golden_report("not-ready-much"), LONG), text)
    made = document("page.html", page=page)
    plain = Outline(document("page.html", page=hostile(page, "x")))
    outline = Outline(made)
    assert [tag for tag in outline.tags if tag not in ("bdi", "span")] == [tag for tag in plain.tags if tag != "span"]
    named = {(tag, name) for tag, name, _ in outline.attributes} - {("span", "class")}
    assert named <= {(tag, name) for tag, name, _ in plain.attributes}
    assert len(made) < 5_000_000
    # No control character, and none that turns the direction of writing: neither as itself nor as a reference.
    assert not re.search(r"&#(?:8234|8235|8236|8237|8238|8294|8295|8296|8297|0|27);", made)
    assert made.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", CASES)
def test_no_outside_resource(name):
    made = render(golden_report(name))
    shown = re.sub(r"<pre>.*?</pre>", "", made, flags=re.DOTALL)  # commands to paste may have the service's address
    assert "http://" not in shown
    assert not re.search(
        r"<[^>]+\s(?:src|action|data|srcset)\s*=|\shref=\"[^#]|url\(|@import|fetch\(|XMLHttp|import\(", made
    )
    assert "default-src 'none'" in made
