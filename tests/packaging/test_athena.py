"""The templates for Athena: typed columns and nothing inferred, a closed bucket, and resources that Glue and Athena take."""

import gzip
import json
import random
import re
from fnmatch import fnmatchcase

import pages
import pytest
import sqlglot
from athena_engine import ddl, in_duckdb
from cloudformation_template import TEMPLATES, Template
from fleet_buckets import BUCKET, PREFIX, ROLE, dated_key, latest_key
from fleets_made import LONG, instance_id, report
from reports_made import report as valid_report
from sqlglot import exp

from imds_probe.report_document import SCHEMA_FILE
from imds_probe.sinks import s3
from imds_probe.sinks.s3_layout import Claim, claim, keys

NAMES = ("imds-probe-athena.yaml", "imds-probe-athena-sources.yaml")
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d"
SOURCES = {"InventoryLocation": "s3://inventory/sync", "TrailLocation": "s3://trail/AWSLogs"}
# What CloudFormation takes in a call, without a bucket for the template.
TEMPLATE_MAX_BYTES = 51_200


def template(name=NAMES[0], **parameters):
    more = {"BucketName": BUCKET} if name == NAMES[0] else SOURCES
    return Template(name, **(more | parameters))


def tables(name=NAMES[0], **parameters):
    found = template(name, **parameters).resources("AWS::Glue::Table").values()
    return {table["TableInput"]["Name"]: table["TableInput"] for table in found}


ALL = [table for name in NAMES for table in tables(name).values()]


@pytest.mark.parametrize("name", NAMES)
def test_cloudformation_takes_it_without_a_bucket_of_its_own(name):
    assert len((TEMPLATES / name).read_bytes()) <= TEMPLATE_MAX_BYTES, "docs/fleet.md must then say --s3-bucket"


# Columns


def members(kind):
    """The members of a type of Hive, by their names and in their order."""
    return {each.name: each.args["kind"] for each in kind.expressions}


def differences(schema, kind, place, definitions):
    """Where a type is not what the JSON Schema says, in both directions."""
    if "$ref" in schema:
        return differences(definitions[schema["$ref"].rpartition("/")[2]], kind, place, definitions)
    if "anyOf" in schema:
        (schema,) = (each for each in schema["anyOf"] if each != {"type": "null"})
        return differences(schema, kind, place, definitions)
    expected = {"object": "STRUCT", "array": "ARRAY", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
    if kind.this.name != expected.get(schema.get("type"), "TEXT"):
        return [f"{place} is {kind.sql()}"]
    if schema.get("type") == "array":
        return differences(schema["items"], kind.expressions[0], f"{place}[]", definitions)
    if schema.get("type") != "object":
        return []
    found = [] if list(members(kind)) == list(schema["properties"]) else [f"{place} has other members"]
    for name, each in schema["properties"].items():
        found += differences(each, members(kind)[name], f"{place}.{name}", definitions)
    return found


@pytest.mark.parametrize("table", ["latest", "reports"])
def test_the_columns_are_the_reports_to_the_last_member(table):
    schema = json.loads(SCHEMA_FILE.read_text())
    columns = {each["Name"]: each["Type"] for each in tables()[table]["StorageDescriptor"]["Columns"]}
    assert list(columns) == list(schema["properties"])
    for name, each in schema["properties"].items():
        kind = exp.DataType.build(columns[name], dialect="hive")
        assert differences(each, kind, name, schema["$defs"]) == []


def test_a_column_that_differs_would_be_noticed():
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}
    for wrong in ("struct<a:array<string>>", "struct<a:bigint>", "struct<b:array<bigint>>", "array<bigint>"):
        kind = exp.DataType.build(wrong, dialect="hive")
        try:
            assert differences(schema, kind, "x", {})
        except KeyError:
            assert "struct<b" in wrong
    assert differences(schema, exp.DataType.build("struct<a:array<bigint>>", dialect="hive"), "x", {}) == []


@pytest.mark.parametrize("table", ALL, ids=lambda table: table["Name"])
def test_every_column_has_a_type_and_the_table_a_statement_that_athena_would_take(table):
    for column in table["StorageDescriptor"]["Columns"] + table.get("PartitionKeys", []):
        assert re.fullmatch(r"[a-z0-9_]+", column["Name"])
        assert in_duckdb(column["Type"])
        assert len(column["Type"]) <= 131_072  # Glue's API
    made = sqlglot.parse_one(ddl(table), read="athena")
    assert isinstance(made, exp.Create)
    assert made.this.this.name == table["Name"]
    assert len(made.this.expressions) == len(table["StorageDescriptor"]["Columns"])
    assert table["Parameters"]["EXTERNAL"] == "TRUE"


def test_partitions_are_those_of_the_keys():
    document = report(2)
    reports = tables()["reports"]
    assert reports["PartitionKeys"] == [{"Name": "region", "Type": "string"}, {"Name": "date", "Type": "string"}]
    projection = reports["Parameters"]
    region, date = document["instance"]["region"], document["probe"]["started_at"][:10]
    place = projection["storage.location.template"].replace("${region}", region).replace("${date}", date)
    assert f"s3://{BUCKET}/{dated_key(document)}".startswith(place)
    assert place.endswith("/")
    assert region in projection["projection.region.values"].split(",")
    assert (projection["projection.date.type"], projection["projection.date.format"]) == ("date", "yyyy-MM-dd")
    assert re.fullmatch(r"NOW-\d+DAYS,NOW\+1DAYS", projection["projection.date.range"])
    assert tables()["report_lines"]["Parameters"] == projection
    # All below latest/ is read: nothing is missed for a Region that nobody listed.
    latest = tables()["latest"]
    assert f"s3://{BUCKET}/{latest_key(document)}".startswith(latest["StorageDescriptor"]["Location"])
    assert "PartitionKeys" not in latest


def test_the_trails_partitions_are_cloudtrails():
    for accounts in ("", "111111111111,222222222222"):
        trail = tables(NAMES[1], TrailAccounts=accounts)["trail"]["Parameters"]
        assert trail["projection.account.values"] == (accounts or "123456789012")
        assert trail["storage.location.template"] == "s3://trail/AWSLogs/${account}/CloudTrail/${region}/${day}/"
        assert trail["projection.day.format"] == "yyyy/MM/dd"


def test_what_is_not_there_gets_no_table_and_no_query():
    none = Template(NAMES[1])
    assert none.resources("AWS::Glue::Table") == none.resources("AWS::Athena::NamedQuery") == {}
    only = Template(NAMES[1], TrailLocation="s3://trail/AWSLogs")
    assert [table["TableInput"]["Name"] for table in only.resources("AWS::Glue::Table").values()] == ["trail"]
    assert len(only.resources("AWS::Athena::NamedQuery")) == 1


# The bucket


@pytest.mark.parametrize("key", ["", KEY])
def test_buckets_are_encrypted_and_closed_and_forget(key):
    made = template(KmsKeyArn=key, KeepDays="40", ForgetDays="50", KeepResultsDays="3").resources("AWS::S3::Bucket")
    assert set(made) == {"Reports", "Results"}
    for bucket in made.values():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        encryption = rule["ServerSideEncryptionByDefault"]
        assert encryption == ({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"})
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    days = {
        rule.get("Prefix"): rule["ExpirationInDays"]
        for rule in made["Reports"]["LifecycleConfiguration"]["Rules"]
        if "ExpirationInDays" in rule
    }
    assert days == {f"{PREFIX}/reports/": 40, f"{PREFIX}/latest/": 50}
    (group,) = template(KmsKeyArn=key).resources("AWS::Athena::WorkGroup").values()
    configuration = group["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 50 * 2**30
    encryption = configuration["ResultConfiguration"]["EncryptionConfiguration"]
    assert encryption == ({"EncryptionOption": "SSE_KMS", "KmsKey": key} if key else {"EncryptionOption": "SSE_S3"})
    assert configuration["ResultConfiguration"]["OutputLocation"] == "s3://Results/"


def policy(**parameters):
    policies = template(**parameters).resources("AWS::S3::BucketPolicy")
    return policies["ReportsPolicy"]["PolicyDocument"]["Statement"]


LATEST_KEY, DATED_KEY = (
    re.search(rf"regexp_like\(key, '(\^{top}/[^']+)'\)", template().body)[1] for top in ("latest", "reports")
)
ODD = f"{PREFIX}/reports/region=x/date=y/{{own}}.z/../../../region=eu-west-1/date=2026-11-30/{{victim}}.051403Z.{'0' * 32}.json.gz"


def listed(value):
    return [value] if isinstance(value, str) else value


def says(statements, action, key, context):
    """What the bucket's policy says of a call: "Deny", "Allow", or nothing. As far as these statements need it."""

    def matches(pattern):
        return fnmatchcase(f"arn:aws:s3:::{BUCKET}/{key}", pattern.replace("${aws:userid}", context["aws:userid"]))

    def holds(statement):
        for operator, terms in statement.get("Condition", {}).items():
            for name, expected in terms.items():
                value = context.get(name)
                if operator == "Null":
                    if (value is None) != (expected == "true"):
                        return False
                else:
                    assert operator in ("Bool", "StringEquals")
                    if value != expected:
                        return False
        resources = listed(statement.get("Resource", []))
        within = any(map(matches, resources)) if resources else not any(map(matches, listed(statement["NotResource"])))
        return within and any(fnmatchcase(action, each) for each in listed(statement["Action"]))

    effects = {statement["Effect"] for statement in statements if holds(statement)}
    return "Deny" if "Deny" in effects else "Allow" if effects else None


OWN = {
    "aws:userid": f"{ROLE}:{instance_id(2)}",
    "aws:SecureTransport": "true",
    "ec2:SourceInstanceARN": f"arn:aws:ec2:eu-west-1:123456789012:instance/{instance_id(2)}",
    "aws:PrincipalOrgID": "o-exampleorgid",
}


@pytest.mark.parametrize("organization", ["", "o-exampleorgid"])
@pytest.mark.parametrize("key_of", [latest_key, dated_key])
def test_a_host_writes_its_own_keys_only(organization, key_of):
    statements = policy(OrganizationId=organization)
    allowed = "Allow" if organization else None  # the policy of its role allows it then
    assert says(statements, "s3:PutObject", key_of(report(2)), OWN) == allowed
    own, victim = OWN["aws:userid"], f"{ROLE}:{instance_id(4)}"
    leading = (  # as a copy would follow them
        ODD.format(own=own, victim=victim),
        f"{PREFIX}/latest/region=x/../region=eu-west-1/{own}.json.gz",
        f"{key_of(report(2))}/../{victim}.json.gz",
    )
    for key in (key_of(report(4)), f"{PREFIX}/other.json.gz", f"{PREFIX}/latest/region=eu-west-1/x.json.gz", *leading):
        assert says(statements, "s3:PutObject", key, OWN) == "Deny", key
    # A session that somebody named after an instance is none of an instance.
    named = {name: value for name, value in OWN.items() if name != "ec2:SourceInstanceARN"}
    assert says(statements, "s3:PutObject", key_of(report(2)), named) == "Deny"
    assert says(statements, "s3:PutObject", key_of(report(2)), OWN | {"aws:SecureTransport": "false"}) == "Deny"
    assert says(statements, "s3:GetObject", latest_key(report(2)), OWN | {"aws:SecureTransport": "false"}) == "Deny"


def test_hosts_of_the_organization_read_nothing_but_their_newest_report():
    statements = policy(OrganizationId="o-exampleorgid")
    assert says(statements, "s3:GetObject", latest_key(report(2)), OWN) == "Allow"
    for key in (latest_key(report(4)), dated_key(report(2))):
        assert says(statements, "s3:GetObject", key, OWN) is None
    assert (
        says(statements, "s3:GetObject", latest_key(report(2)), OWN | {"aws:PrincipalOrgID": "o-anotherone1"}) is None
    )


# Keys of the sink, and what the queries take for one


def part(text, delimiter, number):
    """split_part, as Trino has it."""
    parts = text.split(delimiter)
    return parts[number - 1] if number <= len(parts) else ""


@pytest.mark.parametrize("prefix", ["imds-probe", "a/b", "a.b"])
def test_queries_read_from_a_key_what_a_claim_does(prefix):
    run, started = "0123456789abcdef" * 2, "2026-11-30T05:14:03Z"
    for region in ("af-south-1", "us-gov-west-1", "cn-north-1", "ap-southeast-12", "us-isob-east-1"):
        for instance in ("i-0123456789abcdef0", "i-01234567"):
            made = keys(prefix, f"{ROLE}:{instance}", region, started, run)
            for whole, pattern in ((made.report, DATED_KEY), (made.latest, LATEST_KEY)):
                key = whole.removeprefix(f"{prefix}/")
                assert re.search(pattern, key), key
                said = claim(whole)
                assert said is not None
                assert part(part(key, "/", 2), "=", 2) == said.region == region
                assert part(part(key, ":", 2), ".", 1) == instance
            assert said == Claim(region)
            key, said = made.report.removeprefix(f"{prefix}/"), claim(made.report)
            assert said == Claim(region, part(part(key, "/", 3), "=", 2), part(key, ".", 2)[:6], part(key, ".", 3))
            assert (said.day, said.time, said.run) == (started[:10], "051403", run)


def test_what_queries_take_for_a_key_readers_do_too():
    chance, taken = random.Random(1), 0
    made = keys("", f"{ROLE}:{instance_id(2)}", "eu-west-1", "2026-11-30T05:14:03Z", "0" * 32)
    for _ in range(20_000):
        key = list(chance.choice(made))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(key))
            key[at : at + chance.randint(0, 1)] = chance.choice(["", *"abi-0/.:=Zr"])
        text = "".join(key)
        if re.search(LATEST_KEY, text) or re.search(DATED_KEY, text):
            taken += 1
            assert claim(text) is not None, text
    assert taken > 100


def test_templates_take_what_the_sink_takes():
    said = [Template(name).source["Parameters"] for name in (NAMES[0], "imds-probe-role.yaml")]
    for parameter_names, key, samples in (
        (
            ("Prefix", "S3Prefix"),
            "s3.prefix",
            ("x", "a.b", "imds.probe/v1", "_/-", "", "..", "a/../b", "a/", "/a", "a//b", "ä"),
        ),
        (
            ("BucketName", "S3Bucket"),
            "s3.bucket",
            ("my.bucket.name", "abc", "ab", "Abc", "a_c", "-abc", "abc-", "a" * 63),
        ),
    ):
        sink = {"s3.prefix": s3._PREFIX, "s3.bucket": s3._NAME}[key]
        for parameters, name in zip(said, parameter_names, strict=True):
            pattern = parameters[name]["AllowedPattern"]
            for sample in samples:
                assert bool(re.fullmatch(pattern, sample)) == bool(re.fullmatch(sink, sample)), (name, sample)


# As far as moto goes


def test_it_deploys(aws):
    """Of the other template, moto makes nothing."""
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName="imds-probe-athena",
        TemplateBody=template().body,
        Parameters=[{"ParameterKey": "BucketName", "ParameterValue": BUCKET}],
    )
    (stack,) = cloudformation.describe_stacks(StackName="imds-probe-athena")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    s3 = aws.client("s3")
    assert BUCKET in {each["Name"] for each in s3.list_buckets()["Buckets"]}
    document = template().resources("AWS::S3::BucketPolicy")["ReportsPolicy"]["PolicyDocument"]
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))
    assert json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"]) == document


def test_glue_and_athena_have_what_the_templates_say(aws):
    """What moto makes of no template is given to the services themselves."""
    glue, athena = aws.client("glue"), aws.client("athena")
    first, second = (template(name) for name in NAMES)
    (database,) = first.resources("AWS::Glue::Database").values()
    glue.create_database(DatabaseInput=database["DatabaseInput"])
    (group,) = first.resources("AWS::Athena::WorkGroup").values()
    configuration = group["WorkGroupConfiguration"]
    athena.create_work_group(Name="imds-probe", Description=group["Description"], Configuration=configuration)
    assert athena.get_work_group(WorkGroup="imds-probe")["WorkGroup"]["Configuration"].items() >= configuration.items()
    name = database["DatabaseInput"]["Name"]
    for table in ALL:
        glue.create_table(DatabaseName=name, TableInput=table)
        found = glue.get_table(DatabaseName=name, Name=table["Name"])["Table"]
        assert found["StorageDescriptor"]["Columns"] == table["StorageDescriptor"]["Columns"]
        assert found["Parameters"] == table["Parameters"]
    for query in [
        *first.resources("AWS::Athena::NamedQuery").values(),
        *second.resources("AWS::Athena::NamedQuery").values(),
    ]:
        made = athena.create_named_query(
            Name=query["Name"],
            Description=query["Description"],
            Database=name,
            QueryString=query["QueryString"],
            WorkGroup="imds-probe",
        )
        found = athena.get_named_query(NamedQueryId=made["NamedQueryId"])["NamedQuery"]
        assert (found["Name"], found["QueryString"]) == (query["Name"], query["QueryString"])
        assert len(found["QueryString"]) <= 262_144
    assert len(athena.list_named_queries(WorkGroup="imds-probe")["NamedQueryIds"]) == 17


COSTS = pages.ROOT / "docs/costs.md"
# Prices, as that page has them: USD of a request, of a GB a month, of a byte that Athena reads.
PUT, GET, GB_MONTH, SCANNED = 0.005 / 1000, 0.0004 / 1000, 0.023, 5 / 1e12
OBJECT_BYTES, LEAST_BYTES, KEPT_DAYS = 6_000, 10_000_000, 30
SENT, EVENT_BYTES = 0.50 / 1e9, LONG  # by the sink cloudwatch-logs


def usd(value):
    return "under $0.001" if value < 0.001 else f"${value:.2f}" if value < 10 else f"${value:.0f}"


def size(value):
    return f"{value / 1e9:.2g} GB" if value >= 1e9 else f"{value / 1e6:.3g} MB"


def test_the_pages_costs_are_computed():
    page = COSTS.read_text()
    rows = re.findall(
        r"^\| ([\d,]+) \| (hourly|daily) \| (\S+) \| reads (.+), (.+) \| reads (.+), (.+) \|$", page, re.MULTILINE
    )
    assert len(rows) == 4
    for hosts_said, often, *said in rows:
        hosts, a_day = int(hosts_said.replace(",", "")), {"hourly": 24, "daily": 1}[often]
        reports = hosts * a_day * KEPT_DAYS
        sink = reports * (2 * PUT + GET) + reports * OBJECT_BYTES / 1e9 * GB_MONTH
        newest, day = hosts * OBJECT_BYTES, hosts * a_day * OBJECT_BYTES
        both = newest + day

        def query(read, objects):
            return max(read, LEAST_BYTES) * SCANNED + objects * GET

        expected = [usd(sink), size(newest), usd(query(newest, hosts))]
        assert said == [*expected, size(both), usd(query(both, hosts * (a_day + 1)))]


def test_prices_stand_on_one_page_and_those_of_events_are_computed():
    sent = 1000 * 24 * KEPT_DAYS * EVENT_BYTES
    said = f"has {EVENT_BYTES // 1000} KB. 1,000 hosts send {sent / 1e9:.0f} GB a month, for {usd(sent * SENT)}."
    assert said in COSTS.read_text()
    priced = [page.name for page in pages.PAGES if re.search(r"(?<![\w`{])\$\d", page.read_text())]
    assert priced == [COSTS.name]


def test_an_object_is_not_longer_than_the_page_says():
    """A host's usual report; compact, as the sink sends it."""
    text = json.dumps(valid_report(), separators=(",", ":"))
    assert len(gzip.compress(text.encode(), mtime=0)) <= OBJECT_BYTES
