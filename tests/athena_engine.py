"""Athena's tables and saved queries, as the templates have them, over files on this machine: DuckDB runs them.

sqlglot reads the queries in Athena's dialect and writes them in DuckDB's. What it does not know of is added here: UNNEST of
several lists, and the time. A function that is not in `CHECKED` is refused: tests/packaging/test_athena_dialect.py compares each
of these with what Trino's documentation says of it.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

# By the name of each function or operator in Athena's words: expressions of it, and what they are worth by Trino's documentation.
CHECKED: Mapping[str, tuple[tuple[str, Any], ...]] = {
    "array_join": (("array_join(ARRAY['a', NULL, 'b'], '; ')", "a; b"), ("array_join(ARRAY['a'], '; ')", "a")),
    "case": (("CASE WHEN false THEN 1 WHEN NULL THEN 2 END", None), ("CASE 'b' WHEN 'a' THEN 1 ELSE 2 END", 2)),
    "cast": (("CAST(2.0 AS bigint)", 2),),
    "coalesce": (("coalesce(NULL, '', 'a')", ""),),
    "concat": (("concat('a', 'b')", "ab"),),
    "concat_ws": (("concat_ws('/', NULL, 'a', 'b')", "a/b"), ("concat_ws('/', NULL, NULL)", "")),
    "count": (("count(*)", 1), ("count(DISTINCT 1)", 1)),
    "count_if": (("count_if(true)", 1), ("count_if(CAST(NULL AS boolean))", 0)),
    "current_timestamp": (("date_format(current_timestamp, '%Y-%m-%d')", "2026-11-30"),),
    "date_add": (
        ("date_format(date_add('hour', -2, current_timestamp), '%Y-%m-%dT%H:%i:%sZ')", "2026-11-29T22:00:00Z"),
    ),
    "date_format": (
        ("date_format(current_timestamp + interval '1' hour, '%Y-%m-%dT%H:%i:%sZ')", "2026-11-30T01:00:00Z"),
        ("date_format(current_timestamp - interval '7' day, '%Y/%m/%d')", "2026/11/23"),
    ),
    "filter": (
        ("filter(ARRAY[1, NULL, 3], x -> x > 1)", [3]),
        ("filter(CAST(NULL AS array(bigint)), x -> x > 1)", None),
    ),
    "floor": (("floor(2.9e0)", 2.0),),
    "from_iso8601_timestamp": (("to_unixtime(from_iso8601_timestamp('1970-01-01T01:00:00Z'))", 3600.0),),
    "json_extract": (("json_format(json_extract('{\"a\": [1]}', '$.a'))", "[1]"), ("json_extract('{}', '$.a')", None)),
    "json_extract_scalar": (
        ('json_extract_scalar(\'{"a": {"b": "c"}}\', \'$.a.b\')', "c"),
        ("json_extract_scalar('{\"a\": null}', '$.a.b')", None),
        ("TRY(json_extract_scalar('{', '$.a'))", None),
    ),
    "json_format": (("json_format(json_extract('{\"a\": {\"b\": 1}}', '$.a'))", '{"b":1}'),),
    "json_parse": (("TRY(json_parse('{')) IS NULL", True), ("TRY(json_parse('null')) IS NULL", False)),
    "length": (("length('s3://b/')", 7),),
    "max": (("max(1)", 1),),
    "min": (("min('a')", "a"),),
    "nullif": (("nullif('', '')", None),),
    "regexp_extract": (("regexp_extract('a-1', '[a-z]-([0-9])', 1)", "1"), ("regexp_extract('a', '(b)', 1)", None)),
    "regexp_like": (("regexp_like('abc', 'b')", True), ("regexp_like('abc', '^b')", False)),
    "replace": (("replace('01:02:03', ':', '')", "010203"),),
    "row_number": (("row_number() OVER (ORDER BY 1)", 1),),
    "split": (("split('a; b', '; ')", ["a", "b"]), ("split('', '; ')", [""])),
    "split_part": (("split_part('a/b', '/', 2)", "b"),),
    "starts_with": (("starts_with('s3://b/k', 's3://b/')", True),),
    "substr": (("substr('abc', 2)", "bc"), ("substr('abc', 1, 2)", "ab")),
    "sum": (("sum(2)", 2),),
    "to_unixtime": (("to_unixtime(from_iso8601_timestamp('1970-01-01T00:00:01Z'))", 1.0),),
    "transform": (
        ("transform(ARRAY[1, 2], x -> x + 1)", [2, 3]),
        ("transform(CAST(NULL AS array(bigint)), x -> x)", None),
    ),
    "try": (("TRY(json_parse('x')) IS NULL", True),),
    "unnest": (),  # rows, which test_athena_dialect.py counts
}
# What Athena takes for a name in a SELECT only in quotation marks, behind a dot too: Athena's documentation, "Escape reserved
# keywords".
_RESERVED_WORDS = """
ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG CURRENT_DATE CURRENT_PATH
CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT DROP ELSE END ESCAPE
EXCEPT EXECUTE EXISTS EXTRACT FALSE FIRST FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT INTERSECT INTO IS JOIN
JSON_ARRAY JSON_EXISTS JSON_OBJECT JSON_QUERY JSON_TABLE JSON_VALUE LAST LEFT LIKE LISTAGG LOCALTIME LOCALTIMESTAMP
NATURAL NORMALIZE NOT NULL OF ON OR ORDER OUTER PREPARE RECURSIVE RIGHT ROLLUP SELECT SKIP TABLE THEN TRIM TRUE
UESCAPE UNION UNNEST USING VALUES WHEN WHERE WITH
"""
RESERVED = frozenset(_RESERVED_WORDS.split())
# What the engine calls now.
NOW = "2026-11-30 00:00:00"
_LINES = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_JSON = "org.apache.hive.hcatalog.data.JsonSerDe"
_LONGEST_BYTES = 2**20


def bare_names(query: str) -> set[str]:
    """Names of columns, members, tables and aliases that stand without quotation marks."""
    found = sqlglot.parse_one(query, read="athena").find_all(exp.Identifier)
    return {each.name.upper() for each in found if not each.args.get("quoted")}


def functions(query: str) -> set[str]:
    """The names of all functions in a query, as Athena calls them, operators left out."""
    found = set()
    for node in sqlglot.parse_one(query, read="athena").find_all(exp.Func):
        operator = isinstance(node, exp.Binary) and not isinstance(
            node, exp.RegexpLike | exp.JSONExtract | exp.JSONExtractScalar
        )
        written = isinstance(node, exp.Array) or (isinstance(node, exp.If) and isinstance(node.parent, exp.Case))
        if not operator and not written:
            found.add(_name(node))
    return found


def _name(node: exp.Func) -> str:
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    return node.sql("athena").partition("(")[0].partition(" ")[0].lower()


def translated(query: str) -> str:
    """The same query in DuckDB's dialect. Raises AssertionError where it has a function that nobody has compared."""
    unknown = functions(query) - set(CHECKED)
    assert not unknown, f"compare these with Trino's documentation in CHECKED: {unknown}"
    tree = sqlglot.parse_one(query, read="athena").transform(_in_duckdb)
    return tree.sql("duckdb")


def _in_duckdb(node: exp.Expression) -> exp.Expression:
    match node:
        case exp.CurrentTimestamp():
            return exp.cast(exp.Literal.string(NOW), "timestamp")
        case exp.RegexpExtract():  # nothing found is null in Athena, and empty in DuckDB
            return exp.func("nullif", node.copy(), exp.Literal.string(""))
        case exp.CountIf():  # a group in which all is null counts as 0 in Athena, and gives null in DuckDB
            return exp.CountIf(this=exp.func("coalesce", node.this.copy(), exp.false()))
        case exp.Join(this=exp.Unnest() as unnest):
            # DuckDB unnests one list there, and side by side several of a SELECT: the shorter ones are filled up with null, too.
            names = [column.name for column in unnest.args["alias"].args["columns"]]
            assert len(names) == len(unnest.expressions)
            lists = ", ".join(
                f"unnest({each.transform(_in_duckdb).sql('duckdb')}) AS {name}"
                for each, name in zip(unnest.expressions, names, strict=True)
            )
            alias = unnest.args["alias"].name
            return sqlglot.parse_one(f"SELECT 1 CROSS JOIN LATERAL (SELECT {lists}) AS {alias}", read="duckdb").args[
                "joins"
            ][0]
    return node


class Athena:
    """Tables of a template over a directory that has a directory of each bucket. `tables` are properties of AWS::Glue::Table."""

    def __init__(self, buckets: Path, work: Path, tables: Iterable[Mapping[str, Any]]) -> None:
        self._buckets, self._work = buckets, work
        self._connection = duckdb.connect(config={"autoinstall_known_extensions": False, "threads": 1})
        for table in tables:
            self._make(table["TableInput"])

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query in Athena's dialect, by the names of its columns."""
        answer = self._connection.execute(translated(query))
        names = [each[0] for each in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def _make(self, table: Mapping[str, Any]) -> None:
        storage = table["StorageDescriptor"]
        serde = storage["SerdeInfo"]["SerializationLibrary"]
        assert serde in (_LINES, _JSON)
        types = {each["Name"]: in_duckdb(each["Type"]) for each in storage["Columns"]}
        # One file of all, as opening many is what takes time: a record has the path, and the line as it is.
        whole = self._work / f"{table['Name']}.ndjson"
        with whole.open("w") as file:
            file.writelines(
                f'{{"path": {json.dumps(path)}, "row": {line if serde == _JSON else json.dumps({"line": line})}}}\n'
                for path, line in self._lines(storage["Location"], storage["InputFormat"])
            )
        row = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        shown = ", ".join(f'"row"."{name}"' for name in types)
        keys = [key["Name"] for key in table.get("PartitionKeys", [])]
        for name in keys:
            pattern = _partition(table["Parameters"]["storage.location.template"], name)
            shown += f""", regexp_extract(path, '{pattern}', 1) AS "{name}\""""
        self._connection.execute(
            f"CREATE TABLE {table['Name']} AS SELECT {shown}, path AS \"$path\" FROM read_json('{whole}', "
            f"columns={{'path': 'VARCHAR', 'row': 'STRUCT({row})'}}, format='newline_delimited', "
            f"maximum_object_size={_LONGEST_BYTES})"
        )

    def _lines(self, location: str, form: str) -> Iterator[tuple[str, str]]:
        """The lines of all objects below a place, with the path of each; CloudTrail's files have a list of them."""
        for path in sorted((self._buckets / location.removeprefix("s3://")).rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8", "replace")
                lines = text.removesuffix("\n").split("\n")
                if form == "com.amazon.emr.cloudtrail.CloudTrailInputFormat":
                    lines = [json.dumps(_lower(each)) for each in json.loads(text)["Records"]]
                elif path.parts[-2].startswith("resourcetype="):
                    lines = [json.dumps(_lower(json.loads(line))) for line in lines]
                for line in lines:
                    yield f"s3://{path.relative_to(self._buckets)}", line


def _lower(value: Any) -> Any:
    """With keys as Hive's SerDe takes them, which does not heed case."""
    if isinstance(value, list):
        return [_lower(each) for each in value]
    if isinstance(value, dict):
        return {key.lower(): _lower(each) for key, each in value.items()}
    return value


def _partition(template: str, name: str) -> str:
    """A regular expression that finds the value of a partition's column in a path."""
    escaped = template.replace(".", r"\\.")
    before, _, _ = escaped.partition(f"${{{name}}}")
    other = r"[^/]+(?:/[^/]+)*" if name != "day" else r"[^/]+"
    value = r"([0-9]{4}/[0-9]{2}/[0-9]{2})" if name == "day" else r"([^/]+)"
    return "^" + re.sub(r"\$\{\w+\}", other, before) + value + "/"


def in_duckdb(kind: str) -> str:
    """A type of Hive in DuckDB's words."""
    return exp.DataType.build(kind, dialect="hive").sql("duckdb")


def ddl(table: Mapping[str, Any]) -> str:
    """The statement that would make the table."""
    storage = table["StorageDescriptor"]
    columns = ", ".join(f"`{each['Name']}` {each['Type'].upper()}" for each in storage["Columns"])
    keys = ", ".join(f"`{each['Name']}` {each['Type'].upper()}" for each in table.get("PartitionKeys", []))
    properties = ", ".join(f"'{name}'='{value}'" for name, value in table["Parameters"].items() if name != "EXTERNAL")
    return (
        f"CREATE EXTERNAL TABLE `{table['Name']}` ({columns})"
        + (f" PARTITIONED BY ({keys})" if keys else "")
        + f" ROW FORMAT SERDE '{storage['SerdeInfo']['SerializationLibrary']}' STORED AS INPUTFORMAT '{storage['InputFormat']}'"
        + f" OUTPUTFORMAT '{storage['OutputFormat']}' LOCATION '{storage['Location']}'"
        + (f" TBLPROPERTIES ({properties})" if properties else "")
    )
