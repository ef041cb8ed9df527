import csv
import io
import json
import types

import fleets_made
import pytest
from aws_server import aws_server

from imds_probe import exitcodes
from imds_probe.commands.dispatch import main

READY = next(
    at
    for at, each in enumerate(fleets_made.templates())
    if each["verdict"]["state"] == "ready" and each["imds"]["tokens"] == "optional"
)
HELD = next(at for at, each in enumerate(fleets_made.templates()) if each["verdict"]["state"] == "not-ready")


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """A directory with three ready hosts and one that is not."""
    monkeypatch.setattr("time.time", lambda: fleets_made.NOW)
    directory = tmp_path / "reports"
    directory.mkdir()
    for number in range(4):
        report = fleets_made.report(number, template=HELD if number == 3 else READY)
        (directory / f"{fleets_made.instance_id(number)}.json").write_text(json.dumps(report))
    return str(directory)


def test_the_picture_in_words_and_as_json(reports, capsys):
    assert main(["fleet", reports]) == exitcodes.READY
    assert capsys.readouterr().out.startswith("3 of 4 hosts are ready for IMDSv2-only\n")
    assert main(["fleet", "--output", "json", "--by", "account,os", reports]) == exitcodes.READY
    made = json.loads(capsys.readouterr().out)
    assert made["verdicts"]["switchable"] == 3
    assert {each["by"] for each in made["groups"]} == {"account", "os"}
    assert made["hosts"]["not_ready"] == [fleets_made.instance_id(3)]
    assert made["instances"] is made["changes"] is made["trail"] is None


def test_a_page_for_a_browser(reports, tmp_path):
    page = tmp_path / "fleet.html"
    assert main(["fleet", "--output", "html", "--out", str(page), "--by", "account", reports]) == exitcodes.READY
    made = page.read_text()
    assert made.startswith("<!doctype html>")
    assert ">3 of 4 hosts are ready for IMDSv2-only</h1>" in made
    assert ">By account</h2>" in made
    assert all(fleets_made.instance_id(number) in made for number in range(4))


def test_rows(reports, capsys):
    assert main(["fleet", "--output", "csv", reports]) == exitcodes.READY
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["verdict"] for row in table] == ["ready", "ready", "ready", "not-ready"]
    assert main(["fleet", "--output", "ndjson", reports]) == exitcodes.READY
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["host"] for line in lines] == [row["host"] for row in table]


def test_beside_an_earlier_picture_and_the_instances(reports, tmp_path, capsys):
    before, instances = str(tmp_path / "before.json"), tmp_path / "instances.json"
    assert main(["fleet", "--output", "json", "--out", before, reports]) == exitcodes.READY
    tags = [{"Key": "Team", "Value": "a"}]
    described = [
        {"InstanceId": fleets_made.instance_id(at), "State": {"Name": "running"}, "Tags": tags} for at in (1, 9)
    ]
    instances.write_text(json.dumps({"Reservations": [{"Instances": described}]}))
    extra = ["--since", before, "--instances", str(instances), "--by", "tag:Team"]
    assert main(["fleet", "--output", "json", *extra, reports]) == exitcodes.READY
    made = json.loads(capsys.readouterr().out)
    assert made["instances"]["silent"] == {"count": 1, "ids": [fleets_made.instance_id(9)]}
    assert made["changes"]["freed"]["count"] == 0
    assert {(each["value"], each["hosts"]) for each in made["groups"]} == {("", 3), ("a", 1)}


def test_beside_ec2_the_picture_and_the_plan_know_what_there_is_today(reports, monkeypatch, tmp_path, capsys):
    for name, value in {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "made-up"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with aws_server() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        ec2 = server.client("ec2")
        images = ec2.describe_images()["Images"]
        linux = next(each["ImageId"] for each in images if each.get("Platform") != "windows")
        windows = next(each["ImageId"] for each in images if each.get("Platform") == "windows")
        launch = {"InstanceType": "t3.micro", "MinCount": 2, "MaxCount": 2}
        made = ec2.run_instances(ImageId=linux, **launch)
        ec2.run_instances(ImageId=windows, **launch)
        for paths in ([reports], ["plan", reports]):
            argv = ["fleet", *paths, "--ec2", "--region", "eu-west-1", "--output", "json"]
            assert main(argv) == exitcodes.READY
            found = json.loads(capsys.readouterr().out)
            if paths[0] == "plan":
                assert (found["planned"], sum(each["hosts"] for each in found["left_out"])) == (0, 4)
                (missing,) = found["not_answered"]
                assert missing["action"] == "ec2:GetInstanceMetadataDefaults", "which moto does not know"
            else:
                silent = sorted(each["InstanceId"] for each in made["Instances"])
                assert found["instances"]["silent"] == {"count": 2, "ids": silent}
                assert found["instances"]["cannot"] == [{"value": "Windows", "hosts": 2}]
                (missing,) = found["launching"]["not_answered"]
                assert missing["action"] == "ec2:GetInstanceMetadataDefaults", "which moto does not know"
        assert main(["fleet", reports, "--ec2", "--region", "eu-west-1"]) == exitcodes.READY
        assert "The next launches" in capsys.readouterr().out


NAMED = {"empty": "empty", "none": "none.json", "later": "later.json"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x", "--region", "eu-west-1"], "--region and --profile say how EC2 is asked"),
        (["/nowhere"], "/nowhere does not exist"),
        (["--instances", "/nowhere", "{reports}"], "/nowhere does not exist. Name what `aws ec2 describe-instances"),
        (["--cloudtrail", "/nowhere", "{reports}"], "/nowhere does not exist. Name the CSV"),
        (["--max-age", "30d", "plan", "{reports}"], "Put it first: `imds-probe fleet plan PATH`."),
        (["{empty}"], "there is no report in"),
        (["{empty}"], "Name files and directories with what `imds-probe run --output json` wrote"),
        (["{later}"], "its schema is imds-probe.report/v9). Use a newer version of imds-probe."),
        (["--by", "colour", "{reports}"], "hosts cannot be grouped by 'colour'"),
        (["--by", "tag:x", "{reports}"], "reports have no tags"),
        (["--since", "{reports}", "{reports}"], "cannot be read: Is a directory"),
        (["--since", "{none}", "{reports}"], "it is no picture of a fleet"),
        (["--instances", "{none}", "{reports}"], "none.json cannot be used"),
        (["--max-age", "soon", "{reports}"], "'soon' is no length of time"),
        (["--jobs", "0", "{reports}"], "'0' is no number from 1 to 1024"),
    ],
)
def test_what_makes_no_sense_is_refused(reports, tmp_path, capsys, arguments, said):
    (tmp_path / "empty").mkdir()
    (tmp_path / "none.json").write_text("{}")
    (tmp_path / "later.json").write_text('{"schema": "imds-probe.report/v9"}')
    places = {name: tmp_path / file for name, file in NAMED.items()} | {"reports": reports}
    try:
        code = main(["fleet", *(each.format(**places) for each in arguments)])
    except SystemExit as left:
        code = left.code
    assert code == exitcodes.USAGE
    assert said in capsys.readouterr().err


def test_the_plan_leaves_out_hosts_that_rest_on_accepted_risks_where_it_is_told_to(reports, tmp_path, capsys):
    risk = {"id": "imdsv1-caller", "expires": "2027-01-31"}
    accepted = fleets_made.report(0, template=READY, accepted=[risk])
    (tmp_path / "reports" / f"{fleets_made.instance_id(0)}.json").write_text(json.dumps(accepted))
    for arguments, planned, by_risks in (([], 3, 1), (["--without-accepted"], 2, 0)):
        assert main(["fleet", "plan", "--output", "json", *arguments, reports]) == exitcodes.READY
        made = json.loads(capsys.readouterr().out)
        assert (made["planned"], made["by_accepted_risks"]["count"]) == (planned, by_risks)
    assert main(["fleet", "--without-accepted", reports]) == exitcodes.USAGE
    assert "--without-accepted is an option of `imds-probe fleet plan`" in capsys.readouterr().err


def test_the_plan(reports, capsys):
    assert main(["fleet", "plan", "--batch", "1", reports]) == exitcodes.READY
    out = capsys.readouterr().out
    assert out.startswith("3 of 4 hosts can be switched now\n")
    assert fleets_made.instance_id(3) not in out
    assert "Run imds-probe again" not in out
    assert main(["fleet", "plan", "--max-age", "1m", reports]) == exitcodes.READY
    assert "Run imds-probe again where the report is too old." in capsys.readouterr().out
    assert main(["fleet", "plan", "--output", "json", "--max-age", "1m", reports]) == exitcodes.READY
    made = json.loads(capsys.readouterr().out)
    assert made["batches"] == []
    assert {each["value"] for each in made["left_out"]} == {"the report is older than 1 min", "not ready"}


def test_options_that_do_not_go_together_are_refused(reports, capsys):
    for arguments in (["plan", "--output", "csv", reports], ["plan", "--by", "os", reports], ["--batch", "3", reports]):
        assert main(["fleet", *arguments]) == exitcodes.USAGE
        assert "fleet plan" in capsys.readouterr().err


def test_what_cloudtrail_saw_speaks_against_a_report(reports, tmp_path, capsys):
    trail = tmp_path / "athena.csv"
    arn = f"arn:aws:sts::111111111111:assumed-role/web/{fleets_made.instance_id(1)}"
    trail.write_text(f'"arn","eventname","calls","last_seen"\n"{arn}","GetObject","5","2026-11-29T20:00:00Z"\n')
    assert main(["fleet", "--cloudtrail", str(trail), reports]) == exitcodes.READY
    assert "CloudTrail has 5 calls of 1 instance" in capsys.readouterr().out
    assert main(["fleet", "plan", "--cloudtrail", str(trail), "--output", "json", reports]) == exitcodes.READY
    made = json.loads(capsys.readouterr().out)
    assert made["planned"] == 2
    assert fleets_made.instance_id(1) not in str(made["batches"])


def test_standard_input(reports, capsys, monkeypatch):
    with open(f"{reports}/{fleets_made.instance_id(1)}.json", "rb") as file:
        monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=file))
        assert main(["fleet", "-"]) == exitcodes.READY
    assert capsys.readouterr().out.startswith("1 of 1 host is ready for IMDSv2-only\n")
