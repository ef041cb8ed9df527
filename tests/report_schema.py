"""Holding reports to their schema, for every test that makes one: strictly, so that a name nobody declared is noticed."""

from __future__ import annotations

from typing import Any

import jsonschema

from imds_probe.report_document import json_schema


def strict(schema: Any) -> Any:
    """The same schema, where every name is required and no other is accepted, at any depth."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        made |= {"additionalProperties": False, "required": list(schema["properties"])}
    return made


_VALIDATOR = jsonschema.Draft202012Validator(strict(json_schema()))


def check(document: dict) -> dict:
    """The document itself, if it is a valid report; an AssertionError that names every trouble otherwise."""
    troubles = [f"{'/'.join(map(str, e.absolute_path))}: {_said(e)}" for e in _VALIDATOR.iter_errors(document)]
    assert not troubles, troubles
    return document


def _said(error: jsonschema.ValidationError) -> str:
    return "; ".join([error.message[:300], *(each.message[:300] for each in error.context or ())])
