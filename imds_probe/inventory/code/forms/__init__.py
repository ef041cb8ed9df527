"""The forms that code has, listed by hand: the first that a file is of judges it."""

from __future__ import annotations

from imds_probe.inventory.code.forms import (
    beam,
    byte_code,
    class_file,
    compiled,
    machine,
    node,
    others,
    perl,
    php,
    prose,
    python,
    ruby,
    settings,
    shell,
)
from imds_probe.inventory.code.forms.form import Form

FORMS: tuple[Form, ...] = (
    *machine.FORMS,
    beam.FORM,
    byte_code.FORM,
    class_file.FORM,
    python.FORM,
    node.FORM,
    ruby.FORM,
    perl.FORM,
    php.FORM,
    *compiled.FORMS,
    *others.FORMS,
    shell.FORM,
    settings.FORM,
    prose.FORM,
)
