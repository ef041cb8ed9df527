from imds_probe.fleet.launching import Default, Launcher, NotAsked, launching
from imds_probe.fleet.page_launching import parts_of
from imds_probe.fleet.room import TERMINAL
from imds_probe.render.lines import Style, laid_out
from imds_probe.render.page.blocks import Page


def said(made) -> str:
    page = Page(headline="x", colour="green", host="", sentence="", parts=tuple(parts_of(made, TERMINAL)), hints=())
    return laid_out(page, Style(width=80, colour=False))


def group(at: int, tokens: str) -> Launcher:
    return Launcher("123456789012", "eu-west-1", f"auto-scaling web-{at}", f"web version {at}", tokens, "template", at)


def test_nothing_is_said_where_ec2_was_not_asked():
    assert list(parts_of(None, TERMINAL)) == []


def test_groups_that_launch_by_v1_are_a_table_and_the_others_are_counted():
    launchers = [
        group(at, tokens) for at, tokens in enumerate(("optional", "required", "image", "optional", "unknown"), 1)
    ]
    text = said(
        launching(
            launchers,
            [Default("123456789012", "eu-west-1", "required", True, "account")],
            [NotAsked("us-east-1", "ec2:DescribeInstances", "not allowed (UnauthorizedOperation)")],
        )
    )
    assert "Next instances of 5 Auto Scaling groups: 2 serve IMDSv1 again" in text
    assert "auto-scaling web-4" in text
    assert "auto-scaling web-2" not in text
    assert "tokens required, enforced" in text
    flat = " ".join(text.split())
    assert "Not answered in us-east-1: ec2:DescribeInstances: not allowed (UnauthorizedOperation)." in flat
    assert max(map(len, text.splitlines())) <= 80


def test_what_is_more_than_a_page_takes_is_counted():
    text = said(
        launching(
            [group(at, "optional") for at in range(1, 31)],
            [],
            [NotAsked("us-east-1", f"ec2:Describe{at}", "not allowed") for at in range(12)],
        )
    )
    assert "and 20 more" in text
    assert "2 more calls were not answered" in text
