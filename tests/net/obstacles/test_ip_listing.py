import pytest

from imds_probe.errors import CommandError, ProbeError
from imds_probe.net import namespaces
from imds_probe.net.obstacles import ip_listing
from imds_probe.net.obstacles.ip_listing import read
from imds_probe.system import process


def look(host, family):
    return namespaces.call_in(host.path, lambda: read(family, 5))


@pytest.mark.parametrize(("family", "own"), [("ipv4", "10.9.0.2"), ("ipv6", "fd09::2")])
def test_a_way_out(host, family, own):
    listing = look(host, family)
    assert listing.way is not None
    assert (listing.way["dev"], listing.refusal) == ("eth0", "")
    assert own in {info["local"] for entry in listing.addresses for info in entry["addr_info"]}
    assert "default" in {route["dst"] for route in listing.routes}
    assert listing.rules is not None
    assert [rule["table"] for rule in listing.rules][:2] == ["local", "main"]


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_no_way_out(bare, family):
    listing = look(bare, family)
    assert (listing.way, listing.refusal) == (None, "Network is unreachable")


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [("blackhole", "Invalid argument"), ("prohibit", "Permission denied"), ("unreachable", "No route to host")],
)
def test_the_kernel_s_word(host, kind, refusal):
    host.ip(f"route add {kind} 169.254.169.254")
    assert look(host, "ipv4").refusal == refusal
    assert look(host, "ipv6").refusal == ""


def test_out_of_time(bare):
    def often() -> None:
        """On a busy machine the program may have ended before anybody looks."""
        for _ in range(100):
            read("ipv4", 0.0)

    with pytest.raises(CommandError, match="did not end"):
        namespaces.call_in(bare.path, often)


@pytest.mark.parametrize("text", ["ip: unknown option -j", "{}", "[] [", "5"])
def test_something_else_than_arrays(text):
    assert ip_listing._arrays(text) == []


def test_arrays_one_after_another():
    assert ip_listing._arrays('[{"a":1},{}]\n[ ] [{"b":2}]\n') == [({"a": 1},), (), ({"b": 2},)]


@pytest.mark.parametrize("value", ["x", None, 1.5, [], "\u00b2", "9" * 5000])
def test_what_should_be_a_number(value):
    with pytest.raises(ip_listing.ListingError, match="where a number should be"):
        ip_listing.number({"priority": value}, "priority")
    assert ip_listing.number({"priority": "7"}, "priority") == 7
    assert ip_listing.number({}, "priority", -1) == -1


@pytest.mark.parametrize("value", ["x", None, "10.0.0.0/99", "\ud800", "10.0.0.0/" + "9" * 5000])
def test_what_should_be_an_address(value):
    with pytest.raises(ip_listing.ListingError, match="where an address should be"):
        ip_listing.span(value)


@pytest.mark.parametrize(
    "said", ["Command failed -:9\n", "Command failed -:0\nCommand failed -:4\n", "Command failed -:1\n"]
)
def test_failures_of_lines_that_were_not_asked_for(monkeypatch, said):
    done = process.Completed(("ip",), 1, b"[][][]", said.encode())
    monkeypatch.setattr(process, "run", lambda *_, **__: done)
    if "-:4" in said:
        assert read("ipv4", 5).way is None
        return
    with pytest.raises(ProbeError, match="something else than its JSON.*Install iproute2"):
        read("ipv4", 5)
