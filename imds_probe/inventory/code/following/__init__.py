"""From how a program was started to the files that its code loads: one small module a language, listed here by hand.

Nothing is executed. What the interpreters' own libraries hold is known by its place and not read.
"""

from __future__ import annotations

from imds_probe.inventory.code.following import dotnet, java, node, perl, php, python, ruby, shell
from imds_probe.inventory.code.following.language import Language

LANGUAGES: tuple[Language, ...] = (
    python.LANGUAGE,
    node.LANGUAGE,
    ruby.LANGUAGE,
    perl.LANGUAGE,
    php.LANGUAGE,
    shell.LANGUAGE,
    java.LANGUAGE,
    dotnet.LANGUAGE,
)
