"""Reading Embedded Metric Format as CloudWatch does, by its specification; what it would not take is an AssertionError.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from typing import Any

import jsonschema

_NAME = {"type": "string", "minLength": 1, "maxLength": 255}
_UNITS = ["Seconds", "Microseconds", "Milliseconds", "Bytes", "Percent", "Count", "Count/Second", "None"]
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": _NAME,
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {"type": "array", "maxItems": 30, "uniqueItems": True, "items": _NAME},
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "additionalProperties": False,
                                    "required": ["Name"],
                                    "properties": {
                                        "Name": _NAME,
                                        "Unit": {"enum": _UNITS},
                                        "StorageResolution": {"enum": [1, 60]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}
SIZE_MAX = 256 * 1024
# (namespace, name, unit, ((dimension, value), ...)): what makes a metric another one, and its value.
Metrics = dict[tuple[str, str, str, tuple[tuple[str, str], ...]], float]


def read(line: bytes) -> tuple[int, Metrics]:
    """The time in milliseconds and the metrics of one document."""
    assert len(line) < SIZE_MAX
    assert b"\n" not in line
    document: dict[str, Any] = json.loads(line, parse_constant=lambda text: 1 / 0)
    jsonschema.validate(document, SCHEMA)
    found: Metrics = {}
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for metric in directive["Metrics"]:
            value = document[metric["Name"]]
            assert type(value) in (int, float)
            for names in directive["Dimensions"]:
                dimensions = tuple(sorted((name, document[name]) for name in names))
                for _, text in dimensions:
                    assert isinstance(text, str) and text.isascii() and text.isprintable()
                    assert 0 < len(text.strip()) <= 1024
                key = (directive["Namespace"], metric["Name"], metric.get("Unit", "None"), dimensions)
                assert key not in found
                found[key] = value
    return document["_aws"]["Timestamp"], found


def read_all(lines: list[bytes]) -> Metrics:
    """The metrics of several documents, none of which may be in two."""
    found: Metrics = {}
    for line in lines:
        for key, value in read(line)[1].items():
            assert key not in found
            found[key] = value
    return found
