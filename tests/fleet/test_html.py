import re

import golden_fleet
from golden_fleet import FILE, RENEW, held

from imds_probe.fleet import html
from imds_probe.fleet.page import page_of
from imds_probe.fleet.picture import Picture
from imds_probe.fleet.room import TERMINAL


def test_it_is_shown_as_its_file_says():
    assert held().splitlines() == FILE.read_text().splitlines(), f"it differs; if that is right, renew it with: {RENEW}"


def test_it_has_all_parts_that_the_text_has_and_the_hosts():
    found, known = golden_fleet.fleet(), golden_fleet.known(5, golden_fleet.HOSTS + 4)
    picture: Picture = golden_fleet.whole_picture(found, known)
    made = html.render(picture, found, golden_fleet.BY, known)
    for part in page_of(picture, TERMINAL).parts:
        assert f">{part.heading}</h2>" in made
    for name in ("At a glance", "Hosts"):
        assert f">{name}</h2>" in made
    for key in (*found.hosts, *known):
        assert f'<th scope="row" class="short">{key}</th>' in made
    assert "it ends within a document" in made
    assert len(re.findall("<figure", made)) == 3  # verdicts, the way, ages
