import configparser

import pages
import pytest

from imds_probe import issues
from imds_probe.issues import place_for_issues, place_for_vulnerabilities


def test_the_addresses_are_those_of_setup_cfg():
    named = configparser.ConfigParser()
    named.read(pages.ROOT / "setup.cfg")
    assert (named["imds-probe"]["issues"], named["imds-probe"]["security"]) == (issues.ISSUES, issues.SECURITY)


@pytest.mark.parametrize("address", ["", "https://example.org/issues"])
def test_one_knows_whom_to_tell(address, monkeypatch):
    monkeypatch.setattr(issues, "ISSUES", address)
    monkeypatch.setattr(issues, "SECURITY", "")
    assert place_for_issues() == (f"at {address}" if address else "to whoever maintains your package")
    assert place_for_vulnerabilities() == "to whoever maintains your package"


def test_no_other_place_is_named_in_the_program():
    said = [
        path.name
        for path in (pages.ROOT / "imds_probe").rglob("*.py")
        if "whoever maintains" in path.read_text() and path.name != "issues.py"
    ]
    assert said == []
