import json

import pytest
from emf_reader import read, read_all
from reports_made import BARE, STARTED, hostile, report

from imds_probe.sinks.emf_documents import Document, documents, grouped
from imds_probe.sinks.metrics import Metric, metrics_of
from imds_probe.sinks.metrics_settings import MetricsConfig
from imds_probe.sinks.sink import NEWEST_S, OLDEST_S, SinkError

NOW = STARTED + 90
PLAIN = MetricsConfig()
FULL = MetricsConfig(
    namespace="Fleet/IMDS",
    dimensions=("ImageId", "InstanceType"),
    static_dimensions={"Environment": "production"},
    per_instance=True,
)


def made(of, config=PLAIN, metadata=None, now=NOW):
    return documents(of, config, now, metadata or {})


@pytest.mark.parametrize("config", [PLAIN, FULL])
@pytest.mark.parametrize("of", [report(), report(BARE)])
def test_what_is_read_back_are_the_metrics(of, config):
    expected = {
        (config.namespace, each.name, each.unit, tuple(sorted(each.dimensions.items()))): each.value
        for each in metrics_of(of, config, NOW)
    }
    assert read_all(made(of, config)) == expected


def test_no_more_documents_than_values_of_one_metric():
    assert len(made(report())) == len(made(report(), FULL)) == 4


def test_the_time_is_the_runs_own():
    assert {read(line)[0] for line in made(report())} == {int(STARTED * 1000)}


def test_what_logs_insights_shows_beside_the_metrics():
    of = report()
    for line in made(of, metadata={"LogGroupName": "g"}):
        document = json.loads(line)
        assert document["verdict"] == "not-ready"
        assert document["reasons"] == of["verdict"]["reasons"]
        assert (document["instance_id"], document["region"]) == ("i-0123456789abcdef0", "eu-west-1")
        assert document["_aws"]["LogGroupName"] == "g"


def test_whatever_the_text_it_is_valid_and_small():
    for config in (PLAIN, FULL):
        lines = made(hostile(1000), config)
        assert read_all(lines)
        assert max(map(len, lines)) < 65_507
        assert all(line.isascii() and b"\x1b" not in line for line in lines)


@pytest.mark.parametrize(("age", "outcome"), [(OLDEST_S + 1, "too-old"), (-NEWEST_S - 1, "refused")])
def test_a_time_that_cloudwatch_does_not_take_is_refused(age, outcome):
    with pytest.raises(SinkError, match="2026-11-23T00:00:00Z") as caught:
        made(report(), now=STARTED + age)
    assert caught.value.outcome == outcome


@pytest.mark.parametrize("name", ["_aws", "Heartbeat"])
def test_a_dimension_that_emf_cannot_have_is_refused(name):
    with pytest.raises(SinkError, match="metrics.static_dimensions") as caught:
        made(report(), MetricsConfig(static_dimensions={name: "x"}))
    assert caught.value.outcome == "refused"


def test_a_dimension_of_the_name_of_a_property_wins():
    lines = made(report(), MetricsConfig(static_dimensions={"verdict": "mine"}))
    assert {json.loads(line)["verdict"] for line in lines} == {"mine"}


def test_a_document_is_full_at_some_point():
    many = [Metric(f"M{number}", number, "Count", {}) for number in range(250)]
    assert [len(document.metrics) for document in grouped(many)] == [100, 100, 50]
    wide = [Metric("M", 1, "Count", {f"D{at}": "x" for at in range(first, first + 20)}) for first in (0, 20)]
    assert len(grouped(wide)) == 2
    assert not Document().add(Metric("M", 1, "Count", {f"D{at}": "x" for at in range(31)}))


def test_one_metric_one_value():
    verdicts = [Metric("Hosts", 0, "Count", {"Verdict": each}) for each in ("ready", "unknown")]
    first, second = grouped([*verdicts, Metric("Hosts", 0, "Count", {})])
    assert (first.sets["Hosts"], second.sets["Hosts"]) == ([("Verdict",), ()], [("Verdict",)])
    assert [document.members["Verdict"] for document in (first, second)] == ["ready", "unknown"]


def test_as_awss_own_library_would_write_them():
    from aws_embedded_metrics.logger.metrics_context import MetricsContext
    from aws_embedded_metrics.serializers.log_serializer import LogSerializer

    theirs = []
    for document in made(report(), FULL):
        ours = json.loads(document)
        for directive in ours["_aws"]["CloudWatchMetrics"]:
            context = MetricsContext.empty()
            context.namespace, context.meta["Timestamp"] = directive["Namespace"], ours["_aws"]["Timestamp"]
            for names in directive["Dimensions"]:
                context.put_dimensions({name: ours[name] for name in names})
            for metric in directive["Metrics"]:
                context.put_metric(metric["Name"], ours[metric["Name"]], metric["Unit"])
            theirs += [line.encode() for line in LogSerializer.serialize(context)]
    assert read_all(theirs) == read_all(made(report(), FULL))
