from dataclasses import replace

from observed import container, with_containers

from imds_probe.catalog.catalog import Catalog
from imds_probe.rules.containers_phrases import count, measures, receive, routers


def test_what_was_measured_is_a_line_for_each():
    web = container("web", 1, "lost")
    both = replace(web, reach=(*web.reach, replace(web.reach[0], family="ipv6")))
    none = container("none", reach=(), not_measured="run as root")
    first, second = measures((both, none), with_containers(both, none), Catalog(()))
    assert first.startswith("web: 1 hop beyond the instance, token lost (ipv4 and ipv6); ")
    assert second.startswith("none: run as root; ")


def test_routers_are_said_where_they_are_known():
    web = container("web", 2)
    unknown = replace(web, reach=(replace(web.reach[0], routers=None),))
    assert routers((web, unknown)) == ("web: links and routes show 2 routers between it and the uplink",)


def test_numbers():
    web = container("web")
    assert (count([web]), count([web, web])) == ("1 container", "2 containers")
    assert (receive([web]), receive([web, web])) == ("1 container receives", "2 containers receive")
