from dataclasses import replace
from html.parser import HTMLParser

from observed import FACTS, HOST, OLD_CLOUD_INIT, changed, report_of, with_imds
from watched_calls import CALLER

from imds_probe.render.html import render
from imds_probe.watch.evidence import callers_of


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


def test_it_is_well_formed_and_holds_verdict_and_commands():
    outline = Outline(render(report_of(changed(FACTS, software=(OLD_CLOUD_INIT,)))))
    text = " ".join(outline.text)
    assert outline.open == []
    assert "NOT READY" in text
    assert "cloud-init 18.3-6" in text
    assert "aws ec2 modify-instance-metadata-options" in text


def test_names_cannot_become_markup():
    hostile = changed(with_imds(answered_by="<script>alert(1)</script>"), host=replace(HOST, hostname="<img src=x>"))
    document = render(report_of(hostile))
    outline = Outline(document)
    assert "script" not in outline.tags
    assert "img" not in outline.tags
    assert "&lt;script&gt;" in document


def test_no_outside_resource():
    document = render(report_of(FACTS))
    assert "http://" not in document
    assert "default-src 'none'" in document


def test_who_called_is_shown_and_escaped():
    callers = callers_of(
        (replace(CALLER, program="<b>", container="a\x1b[2J"), replace(CALLER, probe=True, program="/imds-probe")),
        window_s=60.0,
        observed_s=60.0,
        needed_coverage=0.99,
        dropped=0,
        watched_until=None,
    )
    page = render(report_of(changed(FACTS, callers=callers)))
    assert "Watched 1 min of the last 1 min: 3 calls by IMDSv1, 0 by IMDSv2." in page
    assert "<td>&lt;b&gt;</td>" in page
    assert "\x1b" not in page
    assert "/imds-probe<" not in page
