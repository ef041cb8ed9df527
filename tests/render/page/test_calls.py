from imds_probe.render.page.calls import calls, lost, program


def test_calls_are_counted_by_version():
    assert calls(1, 0) == "1 IMDSv1 call and 0 IMDSv2 calls"


def test_only_what_was_lost_is_said():
    assert lost(0) == ""
    assert lost(3) == " 3 packets came too fast to be inspected."


def test_a_program_that_nobody_saw_is_said_to_be_unknown():
    assert [program(name) for name in ("unknown", "/usr/bin/curl")] == ["unknown process", "/usr/bin/curl"]
