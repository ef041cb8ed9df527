"""Holding reports to their schema, for every test that makes one."""

import json

import jsonschema

from imds_probe.report import SCHEMA_FILE

_VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text()))


def check(document: dict) -> dict:
    """The document itself, if it is a valid report; an AssertionError that names every trouble otherwise."""
    troubles = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in _VALIDATOR.iter_errors(document)]
    assert not troubles, troubles
    return document
