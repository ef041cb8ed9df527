"""The languages whose programs are followed, by hand."""

from __future__ import annotations

from imds_probe.inventory.code.following import (
    dotnet,
    erlang,
    java,
    machines,
    node,
    perl,
    php,
    python,
    ruby,
    scripts,
    shell,
)
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
    scripts.LANGUAGE,
    erlang.LANGUAGE,
    machines.LANGUAGE,
)
