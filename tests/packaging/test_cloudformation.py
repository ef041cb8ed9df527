"""The templates: held to cfn-lint, deployed on moto, and what they compute and name held to what the product sends.

moto makes no alarms, saved queries and associations from templates. What CloudFormation would pass on for those is given
to the service itself where moto has the call, and else held to botocore's model of it.
"""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest
from botocore.validate import ParamValidator
from cloudformation_template import TEMPLATES, Template
from observed import FACTS, OLD_CLOUD_INIT, changed, report_of

from imds_probe.config import Config
from imds_probe.report import dump
from imds_probe.sinks.cloudwatch_logs import LogsConfig
from imds_probe.sinks.metrics import metrics_of
from imds_probe.sinks.metrics_settings import MetricsConfig
from imds_probe.verdict import ORDER

FLEET = "imds-probe-fleet.yaml"
NAMES = sorted(path.name for path in TEMPLATES.iterdir())
TOPIC = "arn:aws:sns:eu-west-1:123456789012:on-call"


def deployed(aws, name, **parameters):
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName="imds-probe",
        TemplateBody=Template(name).body,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    (stack,) = cloudformation.describe_stacks(StackName="imds-probe")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return stack


def alarms(**parameters):
    found = Template(FLEET, **parameters).resources("AWS::CloudWatch::Alarm")
    return {alarm["AlarmName"].removeprefix("imds-probe-"): alarm for alarm in found.values()}


def troubles(service, operation, parameters):
    """What botocore's model of AWS finds wrong with the parameters of a call."""
    model = botocore.session.Session().get_service_model(service).operation_model(operation)
    return ParamValidator().validate(parameters, model.input_shape).generate_report()


def sent():
    """Names, dimensions and values of dimensions that hosts send by default."""
    facts = changed(FACTS, software=(OLD_CLOUD_INIT,))
    report = json.loads(dump(report_of(facts)))
    assert report["verdict"]["state"] == "not-ready"
    report["callers"] = {"imdsv1": 3}
    report["verdict"]["switch"] = {"http_put_response_hop_limit": 2}
    report["verdict"]["switched"] = {"refused_callers": 1, "clean_hours": 2.5}
    return {(metric.name, *sorted(metric.dimensions.items())) for metric in metrics_of(report, MetricsConfig(), 0.0)}


def cfn_lint(*paths):
    """What cfn-lint has to say, down to mere information."""
    program = Path(sys.executable).with_name("cfn-lint")
    argv = [str(program), "--include-checks", "I", "--", *map(str, paths)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_cfn_lint_finds_nothing():
    done = cfn_lint(*(TEMPLATES / name for name in NAMES))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_cfn_lint_would_find_something(tmp_path):
    broken = tmp_path / "template.yaml"
    broken.write_text(Template(FLEET).body.replace("TreatMissingData: breaching", "TreatMissingData: breaks"))
    done = cfn_lint(broken)
    assert done.returncode != 0
    assert "'breaks' is not one of" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_has_a_default_that_its_own_rule_allows(name):
    for key, declared in Template(name).source["Parameters"].items():
        default = declared["Default"]
        assert re.fullmatch(declared.get("AllowedPattern", ".*"), str(default)), key
        assert default in declared.get("AllowedValues", [default]), key
        assert declared["Description"], key


def test_defaults_are_those_of_the_product():
    fleet, role = Template(FLEET).source["Parameters"], Template("imds-probe-role.yaml").source["Parameters"]
    assert fleet["Namespace"]["Default"] == role["Namespace"]["Default"] == MetricsConfig().namespace
    assert fleet["LogGroupName"]["Default"] == role["LogGroupName"]["Default"] == LogsConfig().group
    assert fleet["IntervalSeconds"]["Default"] == Config().interval_s
    assert fleet["JitterSeconds"]["Default"] == Config().jitter_s
    assert fleet["PeriodSeconds"]["Default"] >= Config().interval_s + Config().jitter_s


def test_the_fleet_deploys(aws):
    stack = deployed(aws, FLEET, RetentionDays="30", ExpectedHosts="12")
    (group,) = aws.client("logs").describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == ("/imds-probe/reports", 30)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert outputs["LogGroupName"] == "/imds-probe/reports"
    cloudwatch = aws.client("cloudwatch")
    (dashboard,) = cloudwatch.list_dashboards()["DashboardEntries"]
    body = json.loads(cloudwatch.get_dashboard(DashboardName=dashboard["DashboardName"])["DashboardBody"])
    assert len(body["widgets"]) == 9
    assert '"value": 12' in json.dumps(body)


def test_a_log_group_that_hosts_have_made_is_left_to_them(aws):
    aws.client("logs").create_log_group(logGroupName="/imds-probe/reports")
    deployed(aws, FLEET, MakeLogGroup="false")
    (group,) = aws.client("logs").describe_log_groups()["logGroups"]
    assert "retentionInDays" not in group


def test_the_alarms_exist_as_written(aws):
    made = alarms(SwitchedToIMDSv2Only="true", TopicArn=TOPIC)
    assert set(made) == {"not-ready", "hosts-silent", "refused-since-switch", "imdsv1-seen"}
    cloudwatch = aws.client("cloudwatch")
    for alarm in made.values():
        cloudwatch.put_metric_alarm(**alarm)
    found = {alarm["AlarmName"]: alarm for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert len(found) == len(made)
    for alarm in made.values():
        described = found[alarm["AlarmName"]]
        assert {key: described[key] for key in alarm if key != "Metrics"} == {
            key: value for key, value in alarm.items() if key != "Metrics"
        }
        assert described["AlarmActions"] == described["OKActions"] == [TOPIC]
    assert found["imds-probe-hosts-silent"]["TreatMissingData"] == "breaching"
    assert {metric["Id"] for metric in found["imds-probe-hosts-silent"]["Metrics"]} == {"reporting", "heartbeats"}


def test_without_a_topic_and_before_the_switch():
    made = alarms()
    assert set(made) == {"not-ready", "hosts-silent", "refused-since-switch"}
    assert not any("AlarmActions" in alarm for alarm in made.values())


def test_alarms_read_metrics_that_hosts_send():
    for name, alarm in alarms(SwitchedToIMDSv2Only="true").items():
        for metric in (
            [alarm]
            if "MetricName" in alarm
            else [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]
        ):
            dimensions = [(each["Name"], each["Value"]) for each in metric.get("Dimensions", [])]
            assert (metric["MetricName"], *sorted(dimensions)) in sent(), name
            assert metric["Namespace"] == MetricsConfig().namespace


def dashboard(**parameters):
    ((_, made),) = Template(FLEET, **parameters).resources("AWS::CloudWatch::Dashboard").items()
    return json.loads(made["DashboardBody"])


def test_the_dashboard_shows_metrics_that_hosts_send():
    shown, searched = set(), ""
    for widget in dashboard()["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], str):
                namespace, name, *dimensions = [part for part in metric if isinstance(part, str)]
                assert namespace == MetricsConfig().namespace
                shown.add((name, *zip(dimensions[::2], dimensions[1::2], strict=True)))
            else:
                searched += metric[0]["expression"]
    assert shown <= sent()
    assert {dimensions[0][1] for name, *dimensions in shown if name == "Hosts"} == set(ORDER)
    assert """SEARCH('{"ImdsProbe",Finding} MetricName="Blockers"', 'SampleCount', 7200)""" in searched
    assert ("Blockers", ("Finding", "software-too-old")) in sent()
    assert {name for name, *_ in shown} | {"Blockers"} == {name for name, *_ in sent()}


def test_the_dashboard_computes_only_from_what_it_has():
    for widget in dashboard()["widgets"]:
        metrics = widget["properties"].get("metrics", [])
        ids = {metric[-1]["id"] for metric in metrics if "id" in metric[-1]}
        for metric in metrics:
            expression = metric[0]["expression"] if isinstance(metric[0], dict) else ""
            if "SELECT" not in expression and "SEARCH" not in expression:
                assert set(re.findall(r"[a-z_]{3,}", expression)) <= ids


def test_the_dashboards_widgets_do_not_overlap():
    taken = set()
    for widget in dashboard()["widgets"]:
        cells = {
            (widget["x"] + column, widget["y"] + row)
            for column in range(widget["width"])
            for row in range(widget["height"])
        }
        assert not cells & taken
        assert max(column for column, _ in cells) < 24
        taken |= cells


def test_the_dashboard_names_the_stacks_alarms():
    (widget,) = [widget for widget in dashboard()["widgets"] if widget["type"] == "alarm"]
    names = {arn.rpartition(":")[2] for arn in widget["properties"]["alarms"]}
    assert names == {alarm["AlarmName"] for alarm in alarms().values()}


# What the alarm on silent hosts computes, over fleets that are made up.


def evaluated(expression, **values):
    """A metric math expression of numbers, + - * / and PERIOD(id), which has the same syntax in Python."""
    assert re.fullmatch(r"[\w\s()*+/.-]+", expression)
    return eval(re.sub(r"PERIOD\((\w+)\)", r"PERIOD", expression), {"__builtins__": {}}, values)


def says_silent(alarm, heartbeats):
    """Whether it alarms where so many reports came in a period."""
    queries = {query["Id"]: query for query in alarm["Metrics"]}
    assert alarm["ComparisonOperator"] == "LessThanThreshold"
    if not heartbeats:  # no report is no data point
        return alarm["TreatMissingData"] == "breaching"
    period = queries["heartbeats"]["MetricStat"]["Period"]
    reporting = evaluated(queries["reporting"]["Expression"], heartbeats=heartbeats, PERIOD=period)
    return reporting < alarm["Threshold"]


def reports_in_windows(hosts, period, windows, interval=3600, jitter=900):
    """For each of some windows of that length, how many reports the fleet sends in it."""
    counts = [0] * windows
    for _ in range(hosts):
        at = random.uniform(0, interval + jitter)
        while at < period * windows:
            counts[int(at // period)] += 1
            at += interval + random.uniform(0, jitter)
    return counts


@pytest.mark.parametrize("hosts", [1, 2, 7, 50])
def test_a_fleet_that_reports_is_never_called_silent(hosts):
    random.seed(7)
    alarm = alarms(ExpectedHosts=str(hosts))["hosts-silent"]
    assert not any(says_silent(alarm, heartbeats) for heartbeats in reports_in_windows(hosts, 21600, 400))


def test_the_longest_wait_of_a_single_host_is_no_silence():
    alarm = alarms(ExpectedHosts="1")["hosts-silent"]
    assert not says_silent(alarm, 21600 // 4500)  # always as late as can be
    assert says_silent(alarm, 21600 // 4500 - 1)


def test_a_fleet_that_is_gone_is_called_silent():
    assert says_silent(alarms()["hosts-silent"], 0)


def test_a_part_of_a_large_fleet_is_missed():
    random.seed(7)
    strict = alarms(ExpectedHosts="200", ReportingPercent="95")["hosts-silent"]
    assert not any(says_silent(strict, heartbeats) for heartbeats in reports_in_windows(200, 21600, 60))
    assert all(says_silent(strict, heartbeats) for heartbeats in reports_in_windows(186, 21600, 60))


def test_hosts_that_report_twice_do_not_fake_a_verdict():
    """Average of 1 and 0 is a share of reports: above 0 as soon as one host is not ready, however often it says so."""
    alarm = alarms()["not-ready"]
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
        "Average",
        "GreaterThanThreshold",
        0,
    )
    tolerant = alarms(NotReadyShare="0.05")["not-ready"]["Threshold"]
    ready, not_ready = [0] * 97 * 2, [1] * 3  # each host twice, or not
    for reports in (ready + not_ready, ready + not_ready * 2):
        assert 0 < sum(reports) / len(reports) <= tolerant
    assert sum(ready) / len(ready) == alarm["Threshold"]


def test_calls_are_told_by_the_worst_host_and_not_added_up_again_each_hour():
    made = alarms(SwitchedToIMDSv2Only="true")
    assert made["imdsv1-seen"]["Statistic"] == made["refused-since-switch"]["Statistic"] == "Maximum"


def test_the_model_of_aws_takes_saved_queries_and_would_notice_a_wrong_one():
    queries = Template(FLEET).resources("AWS::Logs::QueryDefinition")
    assert len(queries) == 7
    for query in queries.values():
        call = {
            "name": query["Name"],
            "logGroupNames": query["LogGroupNames"],
            "queryString": query["QueryString"],
        }
        assert troubles("logs", "PutQueryDefinition", call) == ""
        assert set(query) == {"Name", "LogGroupNames", "QueryString"}
        assert query["LogGroupNames"] == [LogsConfig().group]
        assert len(query["QueryString"]) <= 10_000
    assert troubles("logs", "PutQueryDefinition", {"name": 1}) != ""
