"""What runs the saved queries for tests is not kinder than Athena: each function is compared with what Trino documents."""

import pytest
from athena_engine import CHECKED, RESERVED, Athena, bare_names, functions, translated
from cloudformation_template import Template


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    place = tmp_path_factory.mktemp("athena")
    return Athena(place, place, [])


@pytest.mark.parametrize(
    ("expression", "value"), [each for cases in CHECKED.values() for each in cases], ids=lambda value: str(value)[:60]
)
def test_a_function_gives_what_trino_says(nothing, expression, value):
    (row,) = nothing.ask(f"SELECT {expression} AS value")
    assert row["value"] == value


def test_each_function_is_tried():
    untried = {
        name for name, cases in CHECKED.items() if not any(name in functions(f"SELECT {each}") for each, _ in cases)
    }
    assert untried == {"unnest"}


def test_unnest_goes_through_lists_side_by_side(nothing):
    rows = nothing.ask(
        "SELECT name, a, b FROM (SELECT 'x' AS name, ARRAY[1, 2] AS one, ARRAY['p'] AS two) AS made "
        "CROSS JOIN UNNEST(one, transform(two, t -> concat(t, '!'))) AS each (a, b)"
    )
    assert rows == [{"name": "x", "a": 1, "b": "p!"}, {"name": "x", "a": 2, "b": None}]
    for empty in ("filter(ARRAY[1], x -> x > 1)", "filter(CAST(NULL AS array(bigint)), x -> x > 1)"):
        assert nothing.ask(f"SELECT a FROM (SELECT 1 AS one) AS made CROSS JOIN UNNEST({empty}) AS each (a)") == []


def test_nulls_come_last_whatever_the_order(nothing):
    for order in ("", "DESC"):
        rows = nothing.ask(f"SELECT a FROM (SELECT 1 AS a UNION ALL SELECT NULL) AS made ORDER BY a {order}")
        assert rows == [{"a": 1}, {"a": None}]


def test_a_function_that_nobody_compared_is_refused():
    with pytest.raises(AssertionError, match="approx_distinct"):
        translated("SELECT approx_distinct(1)")
    with pytest.raises(AssertionError, match="frobnicate"):
        translated("SELECT frobnicate(1)")


def test_no_name_is_a_reserved_word_unless_it_is_quoted():
    """What runs the queries here is kinder about that."""
    sources = {"InventoryLocation": "s3://inventory/sync", "TrailLocation": "s3://trail/AWSLogs"}
    templates = Template("imds-probe-athena.yaml"), Template("imds-probe-athena-sources.yaml", **sources)
    queries = [each for made in templates for each in made.resources("AWS::Athena::NamedQuery").values()]
    assert {each["Name"]: found for each in queries if (found := bare_names(each["QueryString"]) & RESERVED)} == {}
    assert len(queries) == 17
    assert bare_names('SELECT a.by, a."first" FROM a') & RESERVED == {"BY"}
