"""Ecosystems, one module each, listed here by hand: package managers first, then those of languages, then the rest.

docs/adding-an-ecosystem.md says what a new one takes.
"""

from __future__ import annotations

from imds_probe.ecosystems import (
    ansible_galaxy,
    apk,
    binary,
    composer,
    cpan,
    crate,
    dpkg,
    gem,
    go,
    image,
    maven,
    npm,
    nuget,
    psgallery,
    pypi,
    rpm,
    snap,
)
from imds_probe.ecosystems.ecosystem import Ecosystem

ECOSYSTEMS: tuple[Ecosystem, ...] = (
    dpkg.ECOSYSTEM,
    rpm.ECOSYSTEM,
    snap.ECOSYSTEM,
    apk.ECOSYSTEM,
    pypi.ECOSYSTEM,
    npm.ECOSYSTEM,
    crate.ECOSYSTEM,
    go.ECOSYSTEM,
    maven.ECOSYSTEM,
    gem.ECOSYSTEM,
    composer.ECOSYSTEM,
    nuget.ECOSYSTEM,
    binary.ECOSYSTEM,
    image.ECOSYSTEM,
    ansible_galaxy.ECOSYSTEM,
    cpan.ECOSYSTEM,
    psgallery.ECOSYSTEM,
)
_BY_ID = {ecosystem.id: ecosystem for ecosystem in ECOSYSTEMS}


def ecosystem_of(ecosystem_id: str) -> Ecosystem:
    """The ecosystem of this id. A catalog of one's own may name others, of which nothing is known."""
    return _BY_ID.get(ecosystem_id) or Ecosystem(ecosystem_id)
