from __future__ import annotations

import pytest

from imds_probe.ecosystems.ecosystem import Outdated
from imds_probe.ecosystems.gem import ECOSYSTEM


@pytest.mark.parametrize(
    ("minimum", "command"), [("3.79.0", "gem install a --version '>= 3.79.0'"), (None, "gem install a")]
)
def test_a_newer_one_is_installed_beside(minimum, command) -> None:
    assert ECOSYSTEM.upgrade(Outdated("a", minimum)) == (command,)


def test_a_hostile_minimum_stays_one_word() -> None:
    assert ECOSYSTEM.upgrade(Outdated("a", "1'; x")) == ("""gem install a --version '>= 1'"'"'; x'""",)
