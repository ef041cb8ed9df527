import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from golden_reports import CASES, DIRECTORY, golden_report
from observed import HOST, changed, report_of, with_imds

from imds_probe.render.html import render
from imds_probe.render.page.bounds import LONG
from imds_probe.render.page.page import page_of


class Outline(HTMLParser):
    def __init__(self, document):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("name", CASES)
def test_it_is_well_formed_and_says_what_the_page_says(name):
    outline = Outline((DIRECTORY / f"{name}.html").read_text())
    page = page_of(golden_report(name), LONG)
    assert outline.open == []
    said = [text.strip() for text in outline.text]
    assert page.headline in said
    assert page.sentence in said
    assert all(part.heading in said for part in page.parts)


def test_names_cannot_become_markup():
    hostile = changed(with_imds(answered_by="<script>alert(1)</script>"), host=replace(HOST, hostname="<img src=x>"))
    document = render(report_of(hostile))
    outline = Outline(document)
    assert "script" not in outline.tags
    assert "img" not in outline.tags
    assert "&lt;script&gt;" in document


@pytest.mark.parametrize("name", CASES)
def test_no_outside_resource(name):
    document = (DIRECTORY / f"{name}.html").read_text()
    shown = re.sub(r"<pre>.*?</pre>", "", document, flags=re.DOTALL)  # commands to paste may have the service's address
    assert "http://" not in shown
    assert not re.search(r"<[^>]+\s(?:src|href|action|data|srcset)\s*=|url\(|@import", document)
    assert "default-src 'none'" in document
