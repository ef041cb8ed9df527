"""The recognisers, listed by hand: the order decides who is asked first where two could answer.

docs/adding-an-ecosystem.md says what a new one takes.
"""

from __future__ import annotations

from imds_probe.inventory.sdks import dotnet, go_build, java, native, node, php, python, ruby
from imds_probe.inventory.sdks.recogniser import Recogniser

RECOGNISERS: tuple[Recogniser, ...] = (
    python.RECOGNISER,
    node.RECOGNISER,
    java.RECOGNISER,
    ruby.RECOGNISER,
    php.RECOGNISER,
    dotnet.RECOGNISER,
    go_build.RECOGNISER,
    native.RECOGNISER,
)
