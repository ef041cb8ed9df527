from reports_made import BARE, hostile, report

from imds_probe.sinks.log_stream import stream_of


def test_streams_are_named_by_the_instance_else_by_the_host():
    assert stream_of(report()) == "i-0123456789abcdef0"
    assert stream_of(report(BARE, host={"hostname": "a:b*c\n"})) == "a_b_c_"
    assert stream_of(report(BARE, host={"hostname": None})) == "unknown"
    assert 0 < len(stream_of(hostile(200))) <= 512
