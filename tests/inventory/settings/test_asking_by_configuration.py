"""Whether the configuration of agents has them ask for metadata: as its makers write it, in roots of made-up containers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.settings_in_force import first_on
from imds_probe.facts.software import SettingSeen
from imds_probe.inventory.settings.looking import NO_FILE, NO_PROGRAM, Looking
from imds_probe.inventory.settings.programs import Program

CATALOG = Catalog.load()
FILTER = "[SERVICE]\n  Flush 5\n[FILTER]\n  Name aws\n  Match *\n"
GREP = FILTER.replace("aws", "grep")
CLOUD = "filebeat.inputs:\n- type: container\nprocessors:\n  - add_host_metadata: ~\n  - add_cloud_metadata: ~\n"
OTEL = """\
processors:
  batch:
  resourcedetection/aws:
    detectors: [env, ec2]
exporters:
  awsemf: {region: eu-west-1}
service:
  pipelines:
    metrics:
      processors: [batch%s]
      exporters: [awsemf]
"""
RECEIVER = "awscontainerinsightreceiver"
SCRAPED = "scrape_configs:\n- job_name: nodes\n  ec2_sd_configs:\n  - port: 9100\n"
ALLOY = """\
// discovers
discovery.ec2 "nodes" {
  port = 9100 %s
}
prometheus.scrape "nodes" {
  targets    = discovery.ec2.nodes.targets
  forward_to = [prometheus.remote_write.default.receiver]
}
"""
DETECTED = """\
otelcol.processor.resourcedetection "default" {
  detectors = ["env", "%s"]
  output { metrics = [otelcol.exporter.otlp.default.input] }
}
"""
SEALED = 'storage "raft" {\n  path = "/vault/data"\n}\nseal "awskms" {\n  kms_key_id = "alias/vault"%s\n}\nui = true\n'
AGENT = 'auto_auth {\n  method "aws" {\n    config = {\n      type = "%s"\n      role = "web"\n    }\n  }\n}\n'
FLUENTD = """\
<source>
  @type forward
</source>
<label @app>
  <filter **>
    @type ec2_metadata
    %s
    <record>
      instance_id ${instance_id}
    </record>
  </filter>
</label>
"""
FLUENTD_YAML = "config:\n- filter:\n    $type: %s\n    $tag: '**'\n    imdsv2: true\n"
VECTOR = "sources:\n  in: {type: stdin}\ntransforms:\n  meta:\n    type: %s\n    inputs: [in]\n"

# The row, the number of what it asks for, how it is started, and its files.
ASKS: dict[str, tuple[str, int, str, Mapping[str, str]]] = {
    "fluent-bit": (
        "fluent-bit",
        0,
        "fluent-bit -c /fluent-bit/etc/fluent-bit.conf",
        {"/fluent-bit/etc/fluent-bit.conf": FILTER},
    ),
    "fluent-bit-default": ("fluent-bit", 0, "fluent-bit", {"/etc/fluent-bit/fluent-bit.conf": FILTER}),
    "fluent-bit-attached": ("fluent-bit", 0, "fluent-bit -c/srv/a.conf", {"/srv/a.conf": FILTER}),
    "fluent-bit-option": ("fluent-bit", 0, "fluent-bit -i dummy -F aws -o stdout", {}),
    "fluent-bit-included": (
        "fluent-bit",
        0,
        "fluent-bit -c /a/a.conf",
        {"/a/a.conf": "@INCLUDE b.conf\n", "/a/b.conf": FILTER},
    ),
    "fluent-bit-yaml": (
        *("fluent-bit", 0, "fluent-bit --config=/a.yaml"),
        {"/a.yaml": "pipeline:\n  inputs:\n  - name: tail\n    processors:\n      logs:\n      - name: aws\n"},
    ),
    "aws-for-fluent-bit": (
        "aws-for-fluent-bit",
        0,
        "fluent-bit -c /fluent-bit/etc/fluent-bit.conf",
        {"/fluent-bit/etc/fluent-bit.conf": FILTER},
    ),
    "filebeat": ("elastic-beats", 0, "filebeat -e", {"/usr/share/filebeat/filebeat.yml": CLOUD}),
    "filebeat-input": (
        *("elastic-beats", 0, "filebeat -c /etc/filebeat.yml"),
        {"/etc/filebeat.yml": "filebeat.inputs:\n- type: log\n  processors:\n  - add_cloud_metadata: {timeout: 1s}\n"},
    ),
    "filebeat-provider": (
        *("elastic-beats", 0, "filebeat -c /etc/filebeat.yml"),
        {"/etc/filebeat.yml": "processors:\n- add_cloud_metadata:\n    providers: [gcp, aws]\n"},
    ),
    "metricbeat": ("elastic-beats", 0, "metricbeat", {"/usr/share/metricbeat/metricbeat.yml": CLOUD}),
    "telegraf": (
        "telegraf",
        0,
        "telegraf",
        {"/etc/telegraf/telegraf.conf": "[[processors.aws_ec2]]\n  timeout = '1s'\n"},
    ),
    "telegraf-empty": ("telegraf", 0, "telegraf", {"/etc/telegraf/telegraf.conf": "[[processors.aws_ec2]]\n"}),
    "telegraf-directory": (
        *("telegraf", 0, "telegraf --config-directory /conf"),
        {"/etc/telegraf/telegraf.conf": "[agent]\n", "/conf/ec2.conf": "[[processors.aws_ec2]]\n"},
    ),
    "prometheus": (
        "prometheus",
        0,
        "prometheus --config.file=/etc/prometheus/prometheus.yml",
        {"/etc/prometheus/prometheus.yml": SCRAPED},
    ),
    "prometheus-configmap": (
        "prometheus",
        0,
        "prometheus --config.file=/cm/p.yml",
        {"/cm/p.yml": SCRAPED.replace("ec2", "lightsail")},
    ),
    "prometheus-alerting": (
        *("prometheus", 0, "prometheus --config.file=/p.yml"),
        {"/p.yml": "alerting:\n  alertmanagers:\n  - ec2_sd_configs:\n    - region: ''\n"},
    ),
    "prometheus-split": (
        *("prometheus", 0, "prometheus --config.file=/p.yml"),
        {"/p.yml": "scrape_config_files: [more/*.yml]\n", "/more/a.yml": SCRAPED},
    ),
    "promtail": (
        "promtail",
        0,
        "promtail -config.file=/etc/promtail/config.yml",
        {"/etc/promtail/config.yml": SCRAPED},
    ),
    "alloy": (
        "grafana-agent",
        1,
        "alloy run --storage.path=/var/lib/alloy /etc/alloy/config.alloy",
        {"/etc/alloy/config.alloy": ALLOY % ""},
    ),
    "alloy-directory": (
        "grafana-agent",
        1,
        "alloy run /conf",
        {"/conf/b.alloy": ALLOY % "", "/conf/a.alloy": "logging {\n}\n"},
    ),
    "alloy-detector": (
        "grafana-agent",
        0,
        "alloy run /etc/alloy/config.alloy",
        {"/etc/alloy/config.alloy": DETECTED % "ec2"},
    ),
    "grafana-agent": (
        *("grafana-agent", 1, "grafana-agent --config.file=/etc/agent/agent.yaml"),
        {
            "/etc/agent/agent.yaml": "metrics:\n  configs:\n  - scrape_configs:\n    - ec2_sd_configs:\n      - port: 1\n"
        },
    ),
    "otelcol": (
        "opentelemetry-collector",
        0,
        "otelcol-contrib --config /a.yaml",
        {"/a.yaml": OTEL % ", resourcedetection/aws"},
    ),
    "otelcol-file": (
        "opentelemetry-collector",
        0,
        "otelcol-contrib --config=file:/a.yaml",
        {"/a.yaml": OTEL % ", resourcedetection/aws"},
    ),
    "otelcol-split": (
        *("opentelemetry-collector", 0, "otelcol --config=/a.yaml --config=/b.yaml"),
        {"/a.yaml": "receivers: {}\n", "/b.yaml": "processors:\n  resourcedetection: {detectors: [eks]}\n"},
    ),
    "otelcol-region": (
        *("opentelemetry-collector", 2, "awscollector --config=/a.yaml"),
        {"/a.yaml": (OTEL % "").replace("{region: eu-west-1}", "")},
    ),
    "otelcol-receiver": (
        *("opentelemetry-collector", 1, "awscollector --config=/a.yaml"),
        {"/a.yaml": f"receivers: {{{RECEIVER}: }}\nservice: {{pipelines: {{m: {{receivers: [{RECEIVER}]}}}}}}\n"},
    ),
    "vector": ("vector", 0, "vector", {"/etc/vector/vector.yaml": VECTOR % "aws_ec2_metadata"}),
    "vector-toml": ("vector", 0, "vector -c /v.toml", {"/v.toml": '[transforms.x]\ntype = "aws_ec2_metadata"\n'}),
    "vector-json": (
        "vector",
        0,
        "vector --config /v.json",
        {"/v.json": '{"transforms": {"x": {"type": "aws_ec2_metadata"}}}'},
    ),
    "vector-directory": (
        "vector",
        0,
        "vector --config-dir /etc/vector/",
        {"/etc/vector/a.yaml": VECTOR % "aws_ec2_metadata"},
    ),
    "consul": ("consul", 0, "consul agent -retry-join provider=aws+tag_key=a+tag_value=b", {}),
    "consul-directory": (
        *("consul", 0, "consul agent -config-dir=/consul/config"),
        {"/consul/config/a.hcl": 'retry_join = ["10.0.0.1", "provider=aws tag_key=a secret_access_key=hush"]\n'},
    ),
    "consul-json": (
        *("consul", 0, "consul agent -config-dir=/consul/config"),
        {"/consul/config/a.json": '{"retry_join": ["provider=aws tag_key=a"]}'},
    ),
    "nomad": (
        "nomad",
        0,
        "nomad agent -config=/etc/nomad.d",
        {"/etc/nomad.d/a.hcl": "client {\n  enabled = true\n}\n"},
    ),
    "nomad-dev": ("nomad", 0, "nomad agent -dev", {}),
    "nomad-join": (
        *("nomad", 1, "nomad agent -config=/n.hcl"),
        {"/n.hcl": 'server {\n  server_join {\n    retry_join = ["provider=aws tag_key=a"]\n  }\n}\n'},
    ),
    "vault": ("vault", 0, "vault server -config=/vault/config", {"/vault/config/v.hcl": SEALED % ""}),
    "vault-file": ("vault", 0, "vault server -config=/tmp/storageconfig.hcl", {"/tmp/storageconfig.hcl": SEALED % ""}),
    "vault-json": (
        "vault",
        0,
        "vault server -config=/v.json",
        {"/v.json": '{"seal": {"awskms": {"kms_key_id": "a"}}}'},
    ),
    "vault-agent": ("vault", 1, "vault agent -config=/a.hcl", {"/a.hcl": AGENT % "ec2"}),
    "buildkite": (
        *("buildkite-agent", 0, "buildkite-agent start"),
        {"/buildkite/buildkite-agent.cfg": 'token="secret"\ntags-from-ec2-meta-data="aws:instance-id=instance-id"\n'},
    ),
    "buildkite-option": ("buildkite-agent", 0, "buildkite-agent start --tags-from-ec2", {}),
}

ASKS |= {
    "filebeat-9": ("elastic-beats-8", 0, "filebeat -e", {"/usr/share/filebeat/filebeat.yml": CLOUD}),
    "fluentd": (
        "fluentd-image",
        0,
        "ruby /usr/bin/fluentd -c /fluentd/etc/fluent.conf",
        {"/fluentd/etc/fluent.conf": FLUENTD % ""},
    ),
    "fluentd-included": (
        *("fluentd-image", 0, "fluentd -c /a/a.conf"),
        {"/a/a.conf": "@include conf.d/*.conf\n", "/a/conf.d/b.conf": FLUENTD % "imdsv2 true"},
    ),
    "fluentd-yaml": ("fluentd-image", 0, "fluentd -c /a.yaml", {"/a.yaml": FLUENTD_YAML % "ec2_metadata"}),
    "td-agent": ("fluentd-td-agent", 0, "td-agent", {"/etc/td-agent/td-agent.conf": FLUENTD % ""}),
}

ASKS_NOT: dict[str, tuple[str, int, str, Mapping[str, str]]] = {
    "fluent-bit": (
        "fluent-bit",
        0,
        "fluent-bit -c /fluent-bit/etc/fluent-bit.conf",
        {"/fluent-bit/etc/fluent-bit.conf": GREP},
    ),
    "fluent-bit-commented": (
        "fluent-bit",
        0,
        "fluent-bit -c /a.conf",
        {"/a.conf": FILTER.replace("  Name aws", "  Name grep\n  # Name aws")},
    ),
    "fluent-bit-another-file": (
        "fluent-bit",
        0,
        "fluent-bit -c /a.conf",
        {"/a.conf": GREP, "/fluent-bit/etc/fluent-bit.conf": FILTER},
    ),
    "fluent-bit-another-option": ("fluent-bit", 0, "fluent-bit -F grep -c /a.conf", {"/a.conf": GREP}),
    "filebeat": (
        "elastic-beats",
        0,
        "filebeat -e",
        {"/usr/share/filebeat/filebeat.yml": CLOUD.replace("_cloud_", "_process_")},
    ),
    "filebeat-commented": (
        "elastic-beats",
        0,
        "filebeat",
        {"/usr/share/filebeat/filebeat.yml": CLOUD.replace("  - add_cloud", "# - add_cloud")},
    ),
    "filebeat-provider": (
        *("elastic-beats", 0, "filebeat -c /etc/filebeat.yml"),
        {"/etc/filebeat.yml": "processors:\n- add_cloud_metadata:\n    providers: [gcp]\n"},
    ),
    "telegraf": (
        "telegraf",
        0,
        "telegraf",
        {"/etc/telegraf/telegraf.conf": "# [[processors.aws_ec2]]\n[[inputs.cpu]]\n"},
    ),
    "prometheus": (
        "prometheus",
        0,
        "prometheus --config.file=/p.yml",
        {"/p.yml": SCRAPED.replace("ec2", "kubernetes")},
    ),
    "prometheus-region": (
        "prometheus",
        0,
        "prometheus --config.file=/p.yml",
        {"/p.yml": f"{SCRAPED}    region: eu-west-1\n"},
    ),
    "promtail": (
        "promtail",
        0,
        "promtail -config.file=/etc/promtail/config.yml",
        {"/etc/promtail/config.yml": "scrape_configs: []\n"},
    ),
    "alloy-region": ("grafana-agent", 1, "alloy run /c.alloy", {"/c.alloy": ALLOY % '\n  region = "eu-west-1"'}),
    "alloy-detector": ("grafana-agent", 0, "alloy run /c.alloy", {"/c.alloy": DETECTED % "system"}),
    "otelcol": (
        "opentelemetry-collector",
        0,
        "otelcol-contrib --config /a.yaml",
        {"/a.yaml": (OTEL % ", resourcedetection/aws").replace("ec2", "system")},
    ),
    "otelcol-in-no-pipeline": (
        "opentelemetry-collector",
        0,
        "otelcol-contrib --config /a.yaml",
        {"/a.yaml": OTEL % ""},
    ),
    "otelcol-region": ("opentelemetry-collector", 2, "awscollector --config=/a.yaml", {"/a.yaml": OTEL % ""}),
    "vector": ("vector", 0, "vector", {"/etc/vector/vector.yaml": VECTOR % "remap"}),
    "consul-region": (
        *("consul", 0, "consul agent -config-dir=/consul/config"),
        {"/consul/config/a.hcl": 'retry_join = ["provider=aws region=eu-west-1 tag_key=a"]\n'},
    ),
    "consul-kubernetes": (
        *("consul", 0, "consul agent -retry-join provider=k8s -config-dir=/consul/config"),
        {"/consul/config/a.json": '{"server": true}'},
    ),
    "nomad-server": (
        "nomad",
        0,
        "nomad agent -config=/etc/nomad.d",
        {"/etc/nomad.d/a.hcl": "server {\n  enabled = true\n}\n"},
    ),
    "vault-region": ("vault", 0, "vault server -config=/v.hcl", {"/v.hcl": SEALED % '\n  region = "eu-west-1"'}),
    "vault-transit": (
        "vault",
        0,
        "vault server -config=/v.hcl",
        {"/v.hcl": (SEALED % "").replace("awskms", "transit")},
    ),
    "vault-agent": ("vault", 1, "vault agent -config=/a.hcl", {"/a.hcl": AGENT % "iam"}),
    "buildkite": (
        "buildkite-agent",
        0,
        "buildkite-agent start",
        {"/buildkite/buildkite-agent.cfg": "tags-from-ec2=false\n"},
    ),
}

ASKS_NOT |= {
    "filebeat-9": ("elastic-beats-8", 0, "filebeat", {"/usr/share/filebeat/filebeat.yml": "processors: []\n"}),
    "fluentd": ("fluentd-image", 0, "fluentd -c /a.conf", {"/a.conf": (FLUENTD % "").replace("ec2_metadata", "grep")}),
    "fluentd-commented": (
        "fluentd-image",
        0,
        "fluentd -c /a.conf",
        {"/a.conf": "<match **>\n  @type null\n  # @type ec2_metadata\n</match>\n"},
    ),
    "fluentd-yaml": ("fluentd-image", 0, "fluentd -c /a.yaml", {"/a.yaml": FLUENTD_YAML % "grep"}),
    "td-agent": (
        "fluentd-td-agent",
        0,
        "td-agent",
        {"/etc/td-agent/td-agent.conf": "<match **>\n  @type null\n</match>\n"},
    ),
}

UNTOLD: Mapping[str, tuple[str, int, str, Mapping[str, str]]] = {
    "no-file": (
        "prometheus",
        0,
        "prometheus --config.file=/gone.yml",
        {"/etc/prometheus/prometheus.yml": "global: {}\n"},
    ),
    "broken": ("telegraf", 0, "telegraf", {"/etc/telegraf/telegraf.conf": "[[inputs.cpu]\n"}),
    "by-a-variable": (
        "opentelemetry-collector",
        0,
        "otelcol --config=/a.yaml",
        {"/a.yaml": (OTEL % ", resourcedetection/aws").replace("[env, ec2]", "'${env:DETECTORS}'")},
    ),
    "from-a-server": (
        "telegraf",
        0,
        "telegraf --config https://a.example/telegraf.conf",
        {"/etc/telegraf/telegraf.conf": "[agent]\n"},
    ),
    "from-the-environment": (
        "opentelemetry-collector",
        0,
        "otelcol --config=env:CONFIG",
        {"/etc/otelcol/config.yaml": OTEL % ""},
    ),
    "alloy-imports": (
        "grafana-agent",
        1,
        "alloy run /c.alloy",
        {"/c.alloy": 'import.git "m" {\n  repository = "x"\n}\n'},
    ),
    "alloy-expression": (
        "grafana-agent",
        0,
        "alloy run /c.alloy",
        {"/c.alloy": (DETECTED % "x").replace('["env", "x"]', 'split(sys.env("D"), ",")')},
    ),
}


def look(root: Path, case: tuple[str, int, str, Mapping[str, str]], **environment: str) -> list[SettingSeen]:
    component, index, command, files = case
    for path, text in files.items():
        (root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (root / path.lstrip("/")).write_text(text)
    found = CATALOG.row(component)
    assert found
    arguments = tuple(command.split(" "))
    seen = Looking(root).look(found, [Program(7, arguments[0], arguments, "/", environment)])
    return [entry for entry in seen if entry.switch == f"asks_for[{index}]"]


@pytest.mark.parametrize("case", ASKS.values(), ids=ASKS)
def test_what_is_told_to_ask(tmp_path: Path, case: tuple[str, int, str, Mapping[str, str]]) -> None:
    row = CATALOG.row(case[0])
    assert row and (switch := row.asks_for[case[1]].switch)
    seen = look(tmp_path, case)
    assert seen
    assert all(entry.value in switch.values and not entry.problem for entry in seen)


@pytest.mark.parametrize("case", ASKS_NOT.values(), ids=ASKS_NOT)
def test_what_is_told_not_to_ask(tmp_path: Path, case: tuple[str, int, str, Mapping[str, str]]) -> None:
    (seen,) = look(tmp_path, case)
    assert (seen.value, seen.problem) == (None, "")
    assert seen.place in case[3]


@pytest.mark.parametrize("case", UNTOLD.values(), ids=UNTOLD)
def test_what_does_not_tell(tmp_path: Path, case: tuple[str, int, str, Mapping[str, str]]) -> None:
    (seen,) = look(tmp_path, case)
    assert seen.value is None
    assert seen.problem


def test_every_row_that_asks_by_its_configuration_is_tried_both_ways() -> None:
    by_switch = {
        row.id for row in CATALOG.rows for asked in row.asks_for if asked.switch and asked.when == "on-request"
    }
    assert {case[0] for case in ASKS.values()} == by_switch
    assert {case[0] for case in ASKS_NOT.values()} | {"aws-for-fluent-bit"} == by_switch


def prevented(root: Path, text: str) -> list[bool]:
    """Whether each setting that takes IMDSv2 away from Fluentd's plugin is on."""
    (root / "a.conf").write_text(text)
    row = CATALOG.row("fluentd-image")
    assert row
    seen = Looking(root).look(row, [Program(7, "fluentd", ("fluentd", "-c", "/a.conf"), "/", {})])
    return [
        first_on(f"prevented_by[{index}]", each.switch, seen) is not None for index, each in enumerate(row.prevented_by)
    ]


@pytest.mark.parametrize(
    ("text", "on"),
    [
        (FLUENTD % "", [True, False]),
        (FLUENTD % "imdsv2 false", [False, True]),
        (FLUENTD % "imdsv2 true", [False, False]),
        ((FLUENTD % "imdsv2 true") + (FLUENTD % ""), [True, False]),
        ((FLUENTD % "").replace("ec2_metadata", "grep"), [False, False]),
        (FLUENTD_YAML % "ec2_metadata", [False, False]),
    ],
)
def test_the_plugin_of_fluentd_that_asks_without_a_token_by_default(tmp_path: Path, text: str, on: list[bool]) -> None:
    assert prevented(tmp_path, text) == on


@pytest.mark.parametrize(
    ("component", "variable", "path"),
    [
        ("telegraf", "TELEGRAF_CONFIG_PATH", "/conf/t.conf"),
        ("vector", "VECTOR_CONFIG", "/conf/v.yaml"),
        ("vector", "VECTOR_CONFIG_DIR", "/conf"),
    ],
)
def test_a_variable_names_the_file(tmp_path: Path, component: str, variable: str, path: str) -> None:
    texts = {"telegraf": ("t.conf", "[[processors.aws_ec2]]\n"), "vector": ("v.yaml", VECTOR % "aws_ec2_metadata")}
    name, text = texts[component]
    assert (
        look(tmp_path, (component, 0, component, {f"/conf/{name}": text}), **{variable: path})[0].place
        == f"/conf/{name}"
    )


def test_a_configuration_in_a_variable_is_not_told(tmp_path: Path) -> None:
    case = ("opentelemetry-collector", 0, "awscollector --config=/a.yaml", {"/a.yaml": OTEL % ""})
    (seen,) = look(tmp_path, case, AOT_CONFIG_CONTENT=OTEL)
    assert (seen.value, seen.problem) == (None, "the environment of awscollector (pid 7) does not tell")


def test_a_seal_by_a_variable(tmp_path: Path) -> None:
    case = ("vault", 0, "vault server -config=/v.hcl", {"/v.hcl": "ui = true\n"})
    (seen,) = look(tmp_path, case, VAULT_SEAL_TYPE="awskms")
    assert seen.value == "awskms"


@pytest.mark.parametrize(
    ("value", "file", "spared"),
    [
        ("", "", True),
        ("gcp", "", True),
        (None, "cloud_provider_metadata: []\n", True),
        (None, "cloud_provider_metadata: [gcp, azure]\n", True),
        (None, "cloud_provider_metadata:\n- gcp\n- aws\n", False),
        ('["aws"]', "cloud_provider_metadata: []\n", False),
        (None, "api_key: x\n", False),
    ],
)
def test_datadogs_list_of_clouds(tmp_path: Path, value: str | None, file: str, *, spared: bool) -> None:
    environment = {} if value is None else {"DD_CLOUD_PROVIDER_METADATA": value}
    seen = look(tmp_path, ("datadog-agent", 0, "agent", {"/etc/datadog-agent/datadog.yaml": file}), **environment)
    row = CATALOG.row("datadog-agent")
    assert row and (switch := row.asks_for[0].switch)
    assert all(entry.value in switch.values for entry in seen) is spared


def test_without_its_program_a_file_tells_only_that_it_asks(tmp_path: Path) -> None:
    row = CATALOG.row("telegraf")
    assert row
    (seen,) = Looking(tmp_path).look(row, [])
    assert seen.problem == NO_PROGRAM
    (tmp_path / "etc/telegraf").mkdir(parents=True)
    (tmp_path / "etc/telegraf/telegraf.conf").write_text("[[processors.aws_ec2]]\n")
    (seen,) = Looking(tmp_path).look(row, [])
    assert (seen.value, seen.problem) == ("true", "")


def test_without_a_file_nothing_is_told(tmp_path: Path) -> None:
    (seen,) = look(tmp_path, ("consul", 0, "consul agent -dev", {}))
    assert seen.problem == NO_FILE


def test_no_value_is_kept(tmp_path: Path) -> None:
    case = ASKS["consul-directory"]
    assert {entry.value for entry in look(tmp_path, case)} == {"provider=aws"}
    (seen,) = look(tmp_path / "b", ("consul", 0, "consul agent -retry-join provider=aws+secret_access_key=hush", {}))
    assert seen.value == "provider=aws"
