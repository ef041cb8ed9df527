from dataclasses import replace

import pytest
from observed import FACTS, HOST, OLD_CLOUD_INIT, changed, container, report_of, with_containers, with_imds
from watched_calls import CALLER

from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import SdkSoftware, SdkUse
from imds_probe.render import html
from imds_probe.render.text import CONTAINERS_SHOWN, SOFTWARE_SHOWN, Style, render, where
from imds_probe.watch.evidence import callers_of

DEBIAN = replace(HOST, os=OsRelease("debian", "12", "Debian GNU/Linux 12 (bookworm)"))
NOT_READY = changed(FACTS, host=DEBIAN, software=(OLD_CLOUD_INIT,))

GOLDEN_NOT_READY = """\
NOT READY  i-0123456789abcdef0 eu-west-1 m7i.large (web-17)
Do not switch this host to IMDSv2-only yet: something on it would break. Confidence: medium
(capability, reachability).

What blocks
  x cloud-init 18.3-6 speaks only IMDSv1; IMDSv2 since 19.4 [software-too-old]
      seen: cloud-init 18.3-6, by the dpkg database
      fix:  Upgrade cloud-init to 19.4 or later.
        apt-get update && apt-get install --only-upgrade cloud-init

To switch, once it is ready
  aws ec2 modify-instance-metadata-options --region eu-west-1 --instance-id i-0123456789abcdef0 \
--http-tokens required --http-put-response-hop-limit 1 --http-endpoint enabled
To roll back
  aws ec2 modify-instance-metadata-options --region eu-west-1 --instance-id i-0123456789abcdef0 \
--http-tokens optional --http-put-response-hop-limit 1 --http-endpoint enabled

Worth knowing
  - IMDSv1 is still answered (HttpTokens=optional) [imdsv1-open]

Instance metadata service
  endpoint enabled, tokens optional, hop limit 1 (by capture), IPv6 no-route, tags off
  This run made 3 requests with a token or for one, 1 without.

Software held against the catalog
  component   version  needs  status
  cloud-init  18.3-6   19.4   too-old

More on a finding: imds-probe explain software-too-old
Everything that was seen: imds-probe run --output json
"""


def test_golden():
    assert render(report_of(NOT_READY), Style()) == GOLDEN_NOT_READY


@pytest.mark.parametrize(
    ("facts", "headline"),
    [
        (FACTS, "READY  "),
        (NOT_READY, "NOT READY  "),
        (with_imds(endpoint="unreachable"), "UNKNOWN  "),
        (with_imds(endpoint="disabled"), "READY  "),
    ],
)
def test_the_verdict_is_the_first_word(facts, headline):
    assert render(report_of(facts), Style()).startswith(headline)


def test_verdict_and_commands_are_within_what_ssm_shows():
    many = with_containers(*(container(f"a-rather-long-name-{number}", 1, "lost") for number in range(40)))
    many = changed(many, software=(OLD_CLOUD_INIT,) * 4)
    text = render(report_of(many), Style())
    assert text.index("--http-tokens optional") + 80 < 2500


@pytest.mark.parametrize("width", [60, 80, 120])
def test_only_commands_and_tables_are_wider_than_the_terminal(width):
    for line in render(report_of(NOT_READY), Style(width=width)).splitlines():
        assert len(line) <= width or "aws ec2" in line or "apt-get" in line


def test_colour_only_when_asked():
    assert "\x1b[" not in render(report_of(NOT_READY), Style())
    assert "\x1b[31;1mNOT READY\x1b[0m" in render(report_of(NOT_READY), Style(colour=True))


def test_many_findings_are_counted_not_listed():
    text = render(
        report_of(changed(NOT_READY, software=tuple(replace(OLD_CLOUD_INIT, version=f"18.3-{n}") for n in range(20)))),
        Style(),
    )
    assert "and 14 more" in text


def test_hostile_names_are_spelled_out():
    hostile = changed(
        with_imds(answered_by="\x1b[2Jnginx\n"),
        host=replace(HOST, hostname="\x1b]0;x\x07host"),
        software=(replace(OLD_CLOUD_INIT, version="1\x1b[31m2"),),
    )
    assert "\x1b" not in render(report_of(hostile), Style())


WITH_CONTAINERS = with_containers(
    container("host-agent", 0, environment=(("AWS_REGION",),)),
    container("web", 1, "lost", environment=(("AWS_REGION",),)),
    container("api", 1, "lost", pod="api-7d9f", environment=(("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),)),
    container("pause", 1, "lost", sandbox=True),
    container("vpn", None, "refused", runtime="netns", image=None),
    software=(),
)
GOLDEN_CONTAINERS = """\
NEEDS A HIGHER HOP LIMIT  i-0123456789abcdef0 eu-west-1 m7i.large (web-17)
This host may be switched, if the same command raises the hop limit. Confidence: medium (capability,
reachability).

What blocks
  x 1 container does not get a token at hop limit 1; hop limit 2 reaches all that need it: web
    [hop-limit-too-low]
      seen: web: 1 hop beyond the instance, token lost (ipv4); need likely: AWS_REGION is set and no
      credentials: an AWS SDK then asks for the role
      fix:  Raise the hop limit to 2 with the same command that requires tokens (see below).

To switch
  aws ec2 modify-instance-metadata-options --region eu-west-1 --instance-id i-0123456789abcdef0 \
--http-tokens required --http-put-response-hop-limit 2 --http-endpoint enabled
  Hop limit 2 lets every process in 2 containers take the instance role's credentials; needed for
  web.
To roll back
  aws ec2 modify-instance-metadata-options --region eu-west-1 --instance-id i-0123456789abcdef0 \
--http-tokens optional --http-put-response-hop-limit 1 --http-endpoint enabled

Worth knowing
  - IMDSv1 is still answered (HttpTokens=optional) [imdsv1-open]
  - 1 container out of the token's reach does not seem to need it: api-7d9f/api
    [hop-limit-keeps-out]
  - 1 container cannot reach the metadata service at all, so the switch changes nothing there: netns
    vpn [metadata-unreachable]

Instance metadata service
  endpoint enabled, tokens optional, hop limit 1 (by capture), IPv6 no-route, tags off
  This run made 3 requests with a token or for one, 1 without.

Containers
  container     image                          distance  token    needs limit  credentials  needs metadata
  web           registry.example/web:1         1         lost     2            instance     likely
  netns vpn     netns                          ?         refused  ?            unknown      unknown
  api-7d9f/api  registry.example/api:1         1         lost     2            irsa         unlikely
  host-agent    registry.example/host-agent:1  host      ok       1            instance     likely

More on a finding: imds-probe explain hop-limit-too-low
Everything that was seen: imds-probe run --output json
"""


def test_golden_of_containers():
    assert render(report_of(WITH_CONTAINERS), Style()) == GOLDEN_CONTAINERS


def test_many_containers_are_counted_not_listed():
    many = with_containers(*(container(f"c{number}", 1, "ok", 2) for number in range(25)), limit=2)
    text = render(report_of(many), Style())
    assert "  and 5 more\n" in text
    assert sum("registry.example/c" in line for line in text.splitlines()) == CONTAINERS_SHOWN


def test_the_end_of_a_long_image_name_is_what_is_shown():
    image = "registry.example/a/very/long/way/to/the/image:1.2.3"
    text = render(report_of(with_containers(container("web", 1, "ok", 2, image=image), limit=2)), Style())
    assert "  ...y/long/way/to/the/image:1.2.3  " in text


USE = SdkUse(None, None, ("/srv/app/node_modules/aws-sdk",), 1)


@pytest.mark.parametrize(
    ("changes", "use", "shown"),
    [
        ({}, {}, "host: /srv/app/node_modules/aws-sdk, not in use"),
        ({"pids": (7,)}, {}, "host: /srv/app/node_modules/aws-sdk, used by 1 process"),
        ({"pids": (7, 8), "container": "web", "also_in": ("api",)}, {"places": 3}, "web and 1 more: /srv/app"),
        ({"path": f"/{'x' * 90}/botocore-1.2"}, {"places": 2}, "and 1 more place, not in use"),
    ],
)
def test_a_library_says_where_and_who(changes, use, shown):
    library = SdkSoftware("aws-sdk-js-v2", "npm", "aws-sdk", "2.1.0", "package.json", USE.paths[0], sdk=USE)
    line = where(replace(library, sdk=replace(USE, **use), **changes))
    assert shown in line
    assert len(line) < 130


def test_a_version_that_is_a_range_is_said_as_one():
    use = SdkUse("1.25.38", None, ("/usr/bin/rclone",), 1)
    library = SdkSoftware("aws-sdk-go-v1", "go", "github.com/aws/aws-sdk-go", None, "names of functions", "/x", sdk=use)
    text = render(report_of(changed(FACTS, software=(library,))), Style())
    assert "aws-sdk-go-v1  1.25.38 or later  1.25.38  ok      host: /x, not in use" in text
    assert "aws-sdk-go-v1</td><td>1.25.38 or later" in html.render(report_of(changed(FACTS, software=(library,))))


def test_of_much_software_the_worst_comes_first():
    many = [replace(OLD_CLOUD_INIT, version=f"22.{number}-1") for number in range(SOFTWARE_SHOWN + 5)]
    text = render(report_of(changed(FACTS, host=DEBIAN, software=(*many, OLD_CLOUD_INIT))), Style())
    table = text.partition("Software held against")[2].splitlines()
    assert table[2].split() == ["cloud-init", "18.3-6", "19.4", "too-old"]
    assert table[SOFTWARE_SHOWN + 2] == "  and 6 more"


def test_who_called_is_shown_without_the_probe():
    by = tuple(
        replace(CALLER, program=f"/opt/a/very/long/way/to/a/program/{number}", count=number + 1) for number in range(12)
    )
    callers = callers_of(
        (*by, replace(CALLER, probe=True, program="/imds-probe")),
        window_s=14 * 86400.0,
        observed_s=3600.0,
        needed_coverage=0.99,
        dropped=0,
        watched_until=None,
    )
    text = render(report_of(changed(FACTS, callers=callers)), Style())
    assert "Watched 1 h of the last 14 d: 78 calls by IMDSv1, 0 by IMDSv2." in text
    assert "and 2 more" in text
    assert f"  v1       1      0        2023-11-14T22:13:20Z  ...{by[0].program[-29:]}" in text
    assert "/imds-probe" not in text
    assert "Who called" not in render(report_of(FACTS), Style())
