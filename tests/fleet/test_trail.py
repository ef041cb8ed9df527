import csv
import gzip
import io

import fleets_made
import pytest

from imds_probe.errors import UsageError
from imds_probe.fleet.bounded import Ids
from imds_probe.fleet.delivered import Delivered, DeliveredTo
from imds_probe.fleet.hosts import WHOLE, Host, V1Caller
from imds_probe.fleet.trail import Use, trail, uses

NOW = int(fleets_made.NOW)
ONE, TWO = fleets_made.instance_id(1), fleets_made.instance_id(2)
STS = "arn:aws:sts::111111111111:assumed-role"


@pytest.fixture
def read(tmp_path):
    def read(*rows, name="athena.csv"):
        """Rows as Athena writes them: all cells in quotation marks."""
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        path = tmp_path / name
        content = text.getvalue().encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return uses([str(path)])

    return read


DOCUMENTED = ("arn", "eventsource", "eventname", "calls", "last_seen")


def test_counted_rows_as_the_documented_query_has_them(read):
    found = read(
        DOCUMENTED,
        (f"{STS}/web/{ONE}", "s3.amazonaws.com", "GetObject", "5", "2026-11-29T10:00:00Z"),
        (f"{STS}/web/{ONE}", "ec2.amazonaws.com", "DescribeTags", "2", "2026-11-28T10:00:00Z"),
        (f"{STS}/db/{TWO}", "s3.amazonaws.com", "PutObject", "1", ""),
        name="athena.csv.gz",
    )
    assert found.instances == {ONE: Use("web", 7, NOW - 14 * 3600), TWO: Use("db", 1, 0, undated=True)}
    assert found.actions["web"].most_common() == [("s3:GetObject", 5), ("ec2:DescribeTags", 2)]
    assert found.not_read == 0
    assert found.since(NOW) == {TWO}
    assert found.since(NOW - 86400) == {ONE, TWO}


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (("useridentity.arn", "eventName"), (f"{STS}/web/{ONE}", "x")),
        (
            ("userIdentity", "eventtime"),
            (f"{{type=AssumedRole, arn={STS}/web/{ONE}, sessioncontext={{ec2roledelivery=1.0}}}}", ""),
        ),
        (("userIdentity",), (f'{{"arn":"{STS}/web/{ONE}","sessionContext":{{"ec2RoleDelivery":"1.0"}}}}',)),
        (("principalid", "role"), (f"AROAEXAMPLE:{ONE}", "web")),
        (("instance_id", "role", "delivery"), (ONE, "web", "1.0")),
    ],
)
def test_rows_of_other_queries(read, header, row):
    assert read(header, row).instances == {ONE: Use("web", 1, 0, undated=True)}


def test_what_was_delivered_by_imdsv2_is_passed_over(read):
    found = read(("arn", "ec2RoleDelivery"), (f"{STS}/web/{ONE}", "2.0"), (f"{STS}/web/{TWO}", "1.0"))
    assert list(found.instances) == [TWO]
    found = read(("useridentity",), (f"{{arn={STS}/web/{ONE}, ec2roledelivery=2.0}}",))
    assert not found.instances
    assert found.not_read == 0


def test_rows_that_make_no_sense_are_counted(read, tmp_path):
    found = read(
        DOCUMENTED, (f"{STS}/web/a-user", "", "", "1", ""), (f"{STS}/web/{ONE}", "", "", "many", ""), (), ("x",)
    )
    assert (found.instances, found.not_read) == ({ONE: Use("web", 1, 0, undated=True)}, 2)
    path = tmp_path / "long.csv"
    path.write_bytes(b'"arn"\n"' + b"x" * 200_000 + f'"\n"{STS}/web/{ONE}"\n'.encode())
    found = uses([str(path)])
    assert (found.not_read, list(found.instances)) == (1, [ONE])


@pytest.mark.parametrize(("count", "calls"), [("12.0", 12), ("1,200", 1200), ("1e3", 1), ("-5", 1), ("9" * 30, 1)])
def test_a_count_that_makes_no_sense_releases_no_instance(read, count, calls):
    found = read(DOCUMENTED, (f"{STS}/web/{ONE}", "", "", count, "2026-11-29T10:00:00Z"))
    assert (found.instances[ONE].calls, found.not_read) == (calls, 0)


def test_a_row_without_a_time_is_recent_whatever_other_rows_say(read):
    rows = [(f"{STS}/web/{ONE}", "", "", "1", at) for at in ("", "2026-01-01T00:00:00Z")]
    for ordered in (rows, rows[::-1]):
        found = read(DOCUMENTED, *ordered)
        assert found.since(NOW) == {ONE}
        assert trail(found, {}, NOW).to[0].last_seen is None


def test_a_quotation_mark_that_is_not_closed_takes_no_other_row_with_it(tmp_path):
    path = tmp_path / "broken.csv"
    path.write_text(
        f'"arn","calls"\n"{STS}/web/{ONE}","1\n"broken\n"{STS}/web/{TWO}","2.0"\n' + '"z","1"\n', encoding="utf-8"
    )
    found = uses([str(path)])
    assert list(found.instances) == [ONE, TWO]
    assert found.instances[ONE].undated
    assert found.not_read == 3


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x1f\x8bnothing", b'{"a": 1}'])
def test_what_is_no_result_is_refused(tmp_path, content):
    path = tmp_path / "other.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="Name the CSV that the Athena query"):
        uses([str(path)])


def test_beside_the_reports(read):
    found = read(
        DOCUMENTED, (f"{STS}/web/{ONE}", "s3.amazonaws.com", "GetObject", "5", ""), (f"{STS}/db/{TWO}", "", "", "1", "")
    )
    ready = Host(ONE, NOW, 0, WHOLE, "0.1.0", "ready", "high", owner="kops a", callers=(V1Caller("/bin/curl", "", 3),))
    made = trail(found, {ONE: ready}, NOW)
    assert (made.instances, made.calls, made.roles_left_out, made.rows_not_read) == (2, 6, 0, 0)
    assert made.roles == (Delivered("web", 1, 5, ("s3:GetObject",)), Delivered("db", 1, 1, ()))
    assert made.to == (
        DeliveredTo(ONE, "web", 5, None, "ready", "kops a", ("/bin/curl",)),
        DeliveredTo(TWO, "db", 1, None, None, "", ()),
    )
    assert made.unreported == Ids(1, (TWO,))
    assert made.ready == Ids(1, (ONE,))
    ready.tokens = "required"  # what was delivered before the switch is no trouble
    assert trail(found, {ONE: ready}, NOW).ready == Ids()
