"""Text can be read: WCAG 2 asks for a contrast of 4.5 to 1."""

import re

import pytest

from imds_probe.render.web.document import PARTS

STYLE = (PARTS / "style.css").read_text()
TONES = ("good", "care", "bad", "unknown", "plain")
# What text stands on what ground.
PAIRS = (
    *(("text", ground) for ground in ("ground", "card", "faint", *(f"{tone}-ground" for tone in TONES))),
    *(("muted", ground) for ground in ("ground", "card", "faint", *(f"{tone}-ground" for tone in TONES))),
    *((tone, ground) for tone in TONES for ground in ("card", f"{tone}-ground")),
    *(("on-tone", tone) for tone in TONES),
    *(("link", ground) for ground in ("ground", "card")),
)


def colours(block):
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block))


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("at", range(3), ids=["light", "dark", "printed"])
def test_text_stands_out_from_its_ground(at):
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    assert len(blocks) == 3
    known = colours(blocks[0]) | (colours(blocks[at]) if at else {})
    assert contrast("#fff", "#000000") == pytest.approx(21)
    assert {f"{text} on {ground}" for text, ground in PAIRS if contrast(known[text], known[ground]) < 4.5} == set()
