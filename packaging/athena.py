"""What packaging/cloudformation/imds-probe-athena.yaml says of the report: the types of its columns, and which reports count.

The types are those of the report's JSON Schema, in Hive's words: nothing is inferred from data, in which keys come late. A place
in the template that is written here begins with "Made by `make declared`, up to the end: NAME." and ends with "The end." The
template may have 51,200 bytes (`aws cloudformation validate-template --template-body`), so that the reasons stand here:

How a report is believed: the sink "s3" writes each report once below reports/, and the newest one of each host below latest/.
The bucket takes from a host only keys that have its own aws:userid, and the queries count only what says the same as its key.
Two saved queries count what is left out, with the reasons.

How it is read: the Hive JSON SerDe passes over members that a later version added, reads those that an earlier one lacks as
null, and does not heed the case of names. AWS's own page says of the other one, OpenX, that the number of its results may vary.
An object that is no JSON makes a query fail, and the error names it. The tables with "lines" read text as it is and never fail:
their queries name such objects, too. UNNEST is only given lists of plain values: Athena and Trino differ in what they make of a
list of structs.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from imds_probe.report import SCHEMA
from imds_probe.report_document import json_schema

REPORTS = "packaging/cloudformation/imds-probe-athena.yaml"
OTHERS = "packaging/cloudformation/imds-probe-athena-sources.yaml"
_PLACE = re.compile(
    r"^(?P<indent> *)# Made by `make declared`, up to the end: (?P<name>[a-z-]+)\.\n.*?^ *# The end\.$",
    re.MULTILINE | re.DOTALL,
)
_SCALARS = {"string": "string", "integer": "bigint", "number": "double", "boolean": "boolean"}
# Keys as the sink s3 makes them, behind the prefix, and what they say. Whoever may write below one chooses what stands behind it,
# so that a key counts only whole.
_HOST = r"[A-Z0-9]{4,128}:i-([0-9a-f]{17}|[0-9a-f]{8})"
_LATEST = rf"^latest/region=[a-z0-9-]+/{_HOST}\.json\.gz$"
_DATED = rf"^reports/region=[a-z0-9-]+/date=[0-9-]{{10}}/{_HOST}\.[0-9]{{6}}Z\.[0-9a-f]{{32}}\.json\.gz$"
_KEY = 'CASE WHEN starts_with("$path", place) THEN substr("$path", length(place) + 1) ELSE \'\' END AS key'
_OF_KEY = """\
split_part(split_part(key, '/', 2), '=', 2) AS key_region,
split_part(split_part(key, ':', 2), '.', 1) AS key_instance"""
_OF_DATED = f"""\
{_OF_KEY},
split_part(split_part(key, '/', 3), '=', 2) AS key_date,
substr(split_part(key, '.', 2), 1, 6) AS key_time,
split_part(key, '.', 3) AS key_run"""
# As imds_probe.fleet.hosts ranks the reports of a host: one from more than an hour ahead counts only where there is no other, and
# of two that began in the same second the one with the worse verdict.
_TIME, _STARTED = "%Y-%m-%dT%H:%i:%sZ", "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
_NTH = f"""\
row_number() OVER (PARTITION BY key_instance ORDER BY
  CASE WHEN probe.started_at > date_format(current_timestamp + interval '1' hour, '{_TIME}') THEN 1 ELSE 0 END,
  probe.started_at DESC,
  CASE verdict.state WHEN 'not-ready' THEN 0 WHEN 'unknown' THEN 1 WHEN 'needs-hop-limit' THEN 2 ELSE 3 END,
  probe.run_id DESC
) AS nth"""
_IS_REPORT = f"""\
"schema" = '{SCHEMA}'
    AND regexp_like(probe.started_at, '{_STARTED}')
    AND coalesce(instance.instance_id, platform.instance_id) = key_instance
    AND coalesce(instance.region, key_region) = key_region"""
_OWNER = """\
CASE
  WHEN instance.owner.kind IS NOT NULL THEN concat_ws(' ', instance.owner.kind,
    nullif(concat_ws('/', nullif(instance.owner.cluster, ''), nullif(instance.owner.name, '')), ''))
  WHEN instance.auto_scaling_group IS NOT NULL THEN concat('auto-scaling ', instance.auto_scaling_group)
  ELSE ''
END AS launched_by"""
_SYNCED = "/accountid=([0-9]{12})/region=([a-z0-9-]+)/resourcetype=ManagedInstanceInventory/(m?i-[0-9a-f]+)[.]json$"
# The columns that queries read: what is wrong in others harms none.
_READ = ("probe", "platform", "instance", "host", "imds", "containers", "callers", "findings", "verdict")
_BEGINS = {"array": r"\[", "struct": r"\{"}


def written(name: str, text: str) -> str:
    """The template of this name with all its places written anew. Raises SystemExit where one of them is missing."""
    places = PLACES[name]
    missing = set(places) - {match["name"] for match in _PLACE.finditer(text)}
    if missing:
        raise SystemExit(f"{name} has lost the place where declarations go: {', '.join(sorted(missing))}")

    def made(match: re.Match[str]) -> str:
        indent, place = match["indent"], match["name"]
        begin, end = f"{indent}# Made by `make declared`, up to the end: {place}.", f"{indent}# The end."
        return f"{begin}\n{textwrap.indent(places[place](), indent)}{end}"

    return _PLACE.sub(made, text)


def columns() -> dict[str, str]:
    """The type of each of the report's top-level keys, in Hive's words."""
    schema = json_schema()
    return {name: _hive(kind, schema["$defs"]) for name, kind in schema["properties"].items()}


def hosts() -> str:
    """Common table expressions, up to `hosts`: the newest report of each host, of those that are not stale; `newest` has the
    stale ones, too. They come after one of `settings`, with a row of `place`, the URL that all keys begin with, and `stale_hours`.
    """
    return f"""\
located AS (
  SELECT latest.*, stale_hours, {_KEY} FROM latest CROSS JOIN settings
),
placed AS (
  SELECT *,
{_in(4, _OF_KEY)}
  FROM located
  WHERE regexp_like(key, '{_LATEST}')
),
ranked AS (
  SELECT *,
{_in(4, _OWNER)},
{_in(4, _NTH)}
  FROM placed
  WHERE {_IS_REPORT}
),
newest AS (
  SELECT *, {_fresh("probe.started_at")} AS fresh
  FROM ranked
  WHERE nth = 1
),
hosts AS (
  SELECT * FROM newest WHERE fresh
)
"""


def before() -> str:
    """More of them, up to `before`: the newest report of each host of the day a week ago."""
    return f"""\
located_before AS (
  SELECT probe, platform, instance, verdict, "schema", {_KEY}
  FROM reports CROSS JOIN settings
  WHERE "date" = date_format(current_timestamp - interval '7' day, '%Y-%m-%d')
),
placed_before AS (
  SELECT *,
{_in(4, _OF_DATED)}
  FROM located_before
  WHERE regexp_like(key, '{_DATED}')
),
ranked_before AS (
  SELECT *,
{_in(4, _NTH)}
  FROM placed_before
  WHERE {_IS_REPORT}
    AND substr(probe.started_at, 1, 10) = key_date
    AND replace(substr(probe.started_at, 12, 8), ':', '') = key_time
    AND probe.run_id = key_run
),
before AS (
  SELECT * FROM ranked_before WHERE nth = 1
)
"""


def inventory() -> str:
    """The same of SSM's inventory, up to `hosts`; an entry counts if its file has the name of its node."""
    return f"""\
placed AS (
  SELECT inventory.*, stale_hours,
    regexp_extract("$path", '{_SYNCED}', 1) AS account,
    regexp_extract("$path", '{_SYNCED}', 2) AS region,
    regexp_extract("$path", '{_SYNCED}', 3) AS key_node
  FROM inventory CROSS JOIN settings
),
newest AS (
  SELECT *, {_fresh("reportedat")} AS fresh
  FROM placed
  WHERE resourceid = key_node AND verdict IN ('ready', 'needs-hop-limit', 'not-ready', 'unknown')
),
hosts AS (
  SELECT * FROM newest WHERE fresh
)
"""


def judged() -> str:
    """What follows `located` in a query for reports that count for nothing. It reads lines of text as they are: one that is damaged
    stops nothing. `is_key` says whether the key is one that the sink makes; it may be one below latest/, or one below reports/.
    """
    return f"""\
said AS (
  SELECT *,
{_in(4, _OF_DATED)},
    TRY(json_extract_scalar(line, '$.schema')) AS schema_said,
    TRY(json_extract_scalar(line, '$.probe.started_at')) AS started_at,
    TRY(json_extract_scalar(line, '$.probe.run_id')) AS run_id,
    TRY(json_extract_scalar(line, '$.instance.instance_id')) AS instance_id,
    TRY(json_extract_scalar(line, '$.platform.instance_id')) AS by_firmware,
    TRY(json_extract_scalar(line, '$.instance.region')) AS region_said
  FROM located
),
judged AS (
  SELECT object, CASE
    WHEN NOT is_key THEN 'its key is not one that the sink makes'
    WHEN TRY(json_parse(line)) IS NULL THEN 'it is damaged'
    WHEN coalesce(schema_said, '') <> '{SCHEMA}' THEN 'it is no report of this schema'
    WHEN NOT coalesce(regexp_like(started_at, '{_STARTED}'), false) THEN 'it does not say when it began'
    WHEN coalesce(instance_id, by_firmware, '') <> key_instance THEN 'it is of another instance than its key says'
    WHEN coalesce(region_said, key_region) <> key_region THEN 'it is of another Region than its key says'
    WHEN starts_with(key, 'reports/') AND (
      substr(started_at, 1, 10) <> key_date OR replace(substr(started_at, 12, 8), ':', '') <> key_time
    ) THEN 'it began at another time than its key says'
    WHEN starts_with(key, 'reports/') AND coalesce(run_id, '') <> key_run THEN 'it is of another run than its key says'
    WHEN NOT ({_forms()})
      THEN 'a part of it has another form than the schema says'
  END AS reason
  FROM said
)
SELECT reason, count(*) AS reports, min(object) AS for_example
FROM judged
WHERE reason IS NOT NULL
GROUP BY reason
ORDER BY reports DESC, reason
"""


def _fresh(time: str) -> str:
    """A clock that runs ahead would make a report fresh for as long as it is ahead."""
    since = f"date_format(date_add('hour', -stale_hours, current_timestamp), '{_TIME}')"
    return f"{time} > {since} AND {time} <= date_format(current_timestamp + interval '1' hour, '{_TIME}')"


def _located(table: str, pattern: str, where: str = "") -> str:
    return f"""\
keyed AS (
  SELECT "$path" AS object, line, {_KEY} FROM {table} CROSS JOIN settings{where}
),
located AS (
  SELECT *, regexp_like(key, '{pattern}') AS is_key FROM keyed
),
"""


def _forms() -> str:
    """What is true of a line whose parts that queries read are lists and tables where the schema says so, or null."""
    kinds = columns()

    def test(name: str) -> str:
        begins = _BEGINS[kinds[name].partition("<")[0]]
        return f"coalesce(regexp_like(json_format(json_extract(line, '$.{name}')), '^({begins}|null)'), true)"

    return "\n      AND ".join(map(test, _READ))


def _mapping() -> str:
    return "".join(f'{_key(name)}:\n  Type: "{kind}"\n' for name, kind in columns().items())


def _columns() -> str:
    return "".join(f"- {{Name: {name}, Type: !FindInMap [Report, {_key(name)}, Type]}}\n" for name in columns())


def _key(name: str) -> str:
    """Keys of a mapping have no underscores."""
    return name.replace("_", "-")


def _hive(kind: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in kind:
        return _hive(definitions[kind["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in kind:  # may be null, as may everything in Hive
        (one,) = (each for each in kind["anyOf"] if each != {"type": "null"})
        return _hive(one, definitions)
    if "enum" in kind:
        return "string"
    match kind["type"]:
        case "array":
            return f"array<{_hive(kind['items'], definitions)}>"
        case "object":
            if kind.get("additionalProperties") not in (None, False):  # keys that are data
                return f"map<string,{_hive(kind['additionalProperties'], definitions)}>"
            members = (f"{name}:{_hive(each, definitions)}" for name, each in kind["properties"].items())
            return f"struct<{','.join(members)}>"
    return _SCALARS[kind["type"]]


_SINCE_YESTERDAY = """
  WHERE "date" >= date_format(current_timestamp - interval '1' day, '%Y-%m-%d')"""
_SQL: Mapping[str, Callable[[], str]] = {
    "hosts": hosts,
    "before": before,
    "inventory": inventory,
    "judged": judged,
    "latest": lambda: _located("latest_lines", _LATEST),
    "dated": lambda: _located("report_lines", _DATED, _SINCE_YESTERDAY),
}


def _queries(*names: str) -> str:
    return "".join(f"{name}:\n  Sql: |\n{_in(4, _SQL[name]())}" for name in names)


# By template, its places by their names.
PLACES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    REPORTS: {
        "types": _mapping,
        "columns": _columns,
        "queries": lambda: _queries("hosts", "before", "latest", "dated", "judged"),
    },
    OTHERS: {"queries": lambda: _queries("inventory")},
}


def _in(spaces: int, text: str) -> str:
    return textwrap.indent(text, " " * spaces)
