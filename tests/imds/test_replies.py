from imds_probe.imds.replies import NOT_CONNECTED, Outcome, Reply


def test_a_body_is_never_in_the_repr():
    assert "secret" not in repr(Reply(Outcome.OK, "HTTP status 200", body=b"secret"))


def test_connected_or_not():
    assert {outcome for outcome in Outcome if not Reply(outcome, "").connected} == NOT_CONNECTED


def test_only_ok_is_ok():
    assert [outcome for outcome in Outcome if Reply(outcome, "").ok] == [Outcome.OK]
