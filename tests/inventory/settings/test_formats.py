"""The formats that agents are configured in, as their own examples write them, and broken."""

from __future__ import annotations

import contextlib
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from soon import cpu_s

from imds_probe.catalog.rows import FileFormat
from imds_probe.inventory.settings import formats
from imds_probe.inventory.settings.formats import VALUE_MAX, SettingsError, from_arguments, included, look_up

DATADOG = """\
## @param api_key - string - required
api_key: 0123456789abcdef
# ec2_prefer_imdsv2: true
tags:
  - "env:prod"
ec2_prefer_imdsv2: true
logs_config:
  container_collect_all: yes
"""
CODEDEPLOY = "---\n:log_aws_wire: false\n:disable_imds_v1: true\n"
COMMON_CONFIG = '[imds]\n  imds_retries = 2\n[credentials]\n  # shared_credential_profile = "x"\n'
EFS = "[DEFAULT]\nlogging_level = INFO\n[mount]\ndns_name_format = {az}.{fs_id}.efs\ndisable_fetch_ec2_metadata_token = true\n"
AWS_CONFIG = (
    "[default]\nregion = eu-west-1\nec2_metadata_v1_disabled = true\n[profile x]\nec2_metadata_v1_disabled = false\n"
)
FLUENT_BIT = """\
[SERVICE]
    Flush 5
@INCLUDE more.conf
[FILTER]
    Name aws
    Match *
    imds_version v1
[OUTPUT]
    Name es
    imds_version v9
[FILTER]
    Name  aws
    # imds_version v3
    Imds_Version  v2
"""
FLUENT_BIT_YAML = """\
includes: [more.yaml]
pipeline:
  filters:
    - name: aws
      match: '*'
      imds_version: v1
  outputs:
    - name: es
      imds_version: v9
"""
FSTAB = """\
# s3fs#old /mnt fuse imdsv1only 0 0
bucket /mnt/a fuse.s3fs _netdev,iam_role=auto,imdsv1only 0 0
s3fs#bucket /mnt/b fuse allow_other,imdsv1only 0 0
/dev/xvda1 / ext4 imdsv1only 0 1
short line
"""


@pytest.mark.parametrize(
    ("form", "text", "key", "values"),
    [
        ("yaml", DATADOG, "ec2_prefer_imdsv2", ["true"]),
        ("yaml", DATADOG, "logs_config.container_collect_all", ["true"]),
        ("yaml", DATADOG, "absent", []),
        ("yaml", DATADOG, "logs_config", []),
        ("yaml", DATADOG, "tags", ["env:prod"]),
        ("yaml", CODEDEPLOY, ":disable_imds_v1", ["true"]),
        ("yaml", "", "key", []),
        ("yaml", "- a\n- b\n", "key", []),
        ("json", '{"a": {"b": [true, 2, null]}}', "a.b", ["true", "2"]),
        ("toml", COMMON_CONFIG, "imds.imds_retries", ["2"]),
        ("ini", EFS, "mount.disable_fetch_ec2_metadata_token", ["true"]),
        ("ini", AWS_CONFIG, "default.ec2_metadata_v1_disabled", ["true"]),
        ("ini", AWS_CONFIG, "profile y.ec2_metadata_v1_disabled", []),
        ("env", 'A=1\nexport A="2"\n#A=3\nB=4', "A", ["2"]),
        ("env", "A", "A", []),
        ("flags", "--x=1\n# --flag=false\n--flag=true\n--bare\n", "--flag", ["true"]),
        ("flags", "--x=1\n--bare\n", "--bare", ["true"]),
        ("fluent-bit", FLUENT_BIT, "aws.imds_version", ["v1", "v2"]),
        ("fluent-bit", FLUENT_BIT_YAML, "aws.imds_version", ["v1"]),
        ("fstab", FSTAB, "fuse.s3fs.imdsv1only", ["true", "true"]),
        ("fstab", FSTAB, "fuse.s3fs.iam_role", ["auto"]),
    ],
)
def test_values(form: FileFormat, text: str, key: str, values: list[str]) -> None:
    assert look_up(form, text, key) == values


@pytest.mark.parametrize(
    ("form", "text", "said"),
    [
        ("yaml", "a: [1, 2\nb: }\n", r"is not yaml: .*line 2"),
        ("yaml", "a: 1\n\tb: 2\n", r"is not yaml: .*line 2"),
        ("yaml", "a: !!python/object/apply:os.system [id]\n", "is not yaml: could not determine a constructor"),
        ("yaml", "[" * 100_000, "is not yaml"),
        ("yaml", "a: b\n" * 30_000, "is not yaml: it has more than"),
        ("json", "{", "is not json"),
        ("json", "[" * 100_000, "is not json"),
        ("toml", "[imds\n", "is not toml"),
        ("ini", "no section = 1\n", "is not ini"),
        ("fluent-bit", "pipeline: [\n", "is not fluent-bit"),
    ],
)
def test_a_broken_file_is_an_error_that_says_where(form: FileFormat, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        look_up(form, text, "a.b")
    assert caught.value.remedy
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("form", "text", "said"),
    [
        ("yaml", "a: {\n", "expected the node content, but found '<stream end>' (line 2)"),
        ("yaml", "a: b: c\n", "mapping values are not allowed here (line 1)"),
        ("yaml", "a:\n\tb: c\n", "found character '\\t' that cannot start any token (line 2)"),
        ("yaml", "a: b\n- c\n", "expected <block end>, but found '-' (line 2)"),
        ("yaml", "\x01", "special characters are not allowed"),
        ("toml", "a", "Expected '=' after a key in a key/value pair (at end of document)"),
        ("toml", "[a\n", "Expected ']' at the end of a table declaration (at line 1, column 3)"),
        ("json", '{"a": "b', "Unterminated string starting at: line 1 column 7 (char 6)"),
        ("yaml", "a: *hunter2\n", "found undefined alias … (line 1)"),
        ("yaml", "a: !hunter2 b\n", "could not determine a constructor for the tag … (line 1)"),
    ],
)
def test_the_reader_of_a_broken_file_is_quoted_and_the_file_is_not(form: FileFormat, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        look_up(form, text, "a")
    assert str(raised.value) == f"is not {form}: {said}. Correct the file."


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("yaml", "a: {"),
        ("otelcol", "a: {"),
        ("json", '{"a'),
        ("toml", "a"),
        ("hcl", "a {"),
        ("any", "a: {"),
        ("yaml", "[" * 5000),
    ],
)
def test_a_broken_file_is_read_once_for_all_its_keys(
    form: FileFormat, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Mock] = []
    for load in ("yaml_document", "hcl_document", "json.loads", "toml.loads"):
        name, _, attribute = load.rpartition(".")
        of = getattr(formats, name) if name else formats
        monkeypatch.setattr(of, attribute, read := Mock(side_effect=getattr(of, attribute)))
        reads.append(read)
    said = set()
    for key in ("a", "b", "a"):
        with pytest.raises(SettingsError) as raised:
            look_up(form, f"{text}{' ' * len(form)}", key)  # which no other test reads
        said.add(str(raised.value))
    assert len(said) == 1
    assert {read.call_count for read in reads} <= {0, 1} and any(read.called for read in reads)


def test_aliases_do_not_grow_without_end() -> None:
    lists = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    assert look_up("yaml", lists, "a59") == ["x", "x"]
    assert look_up("fluent-bit", lists, "aws.imds_version") == []


def test_long_values_are_cut() -> None:
    assert look_up("env", "A=" + "x" * 10_000, "A") == ["x" * VALUE_MAX]


def test_includes() -> None:
    assert included("fluent-bit", FLUENT_BIT) == ["more.conf"]
    assert included("fluent-bit", FLUENT_BIT_YAML) == ["more.yaml"]
    assert included("env", "@INCLUDE x") == []


@pytest.mark.parametrize(
    ("arguments", "key", "values"),
    [
        (["s3fs", "b", "/mnt", "-o", "iam_role=auto,imdsv1only"], "imdsv1only", ["true"]),
        (["s3fs", "b", "/mnt", "-oimdsv1only"], "imdsv1only", ["true"]),
        (["s3fs", "imdsv1only", "/mnt"], "imdsv1only", []),
        (["osqueryd", "--flag=true"], "--flag", ["true"]),
        (["osqueryd", "--flag", "--other"], "--flag", ["true"]),
        (["fluent-bit", "-c", "/x.conf"], "-c", ["/x.conf"]),
        (["java", "-Daws.disableEc2MetadataV1=true"], "-Daws.disableEc2MetadataV1", ["true"]),
        ([], "--flag", []),
    ],
)
def test_arguments(arguments: list[str], key: str, values: list[str]) -> None:
    assert list(from_arguments(arguments, key)) == values


@pytest.mark.parametrize("form", ["yaml", "json", "toml", "ini", "env", "flags", "fluent-bit", "fstab"])
@given(text=st.text(alphabet="[]{}:=,-@#&*! \n\t\"'aK1", max_size=60))
def test_any_text_gives_values_or_one_kind_of_error(form: FileFormat, text: str) -> None:
    try:
        assert all(isinstance(value, str) for value in look_up(form, text, "a.K"))
    except SettingsError as error:
        assert error.problem.startswith(f"is not {form}")


@pytest.mark.parametrize(
    "text",
    [
        *("a: !!timestamp x", "a: !!bool x", "a: !!int ''", "a: !!float ''", "a: !!int x", "a: !!binary \u00fc"),
        *(
            "a: 2001-13-45",
            "? {}\n: b",
            "a: " + "[" * 3000,
            "!!set [a]",
            "a: !!python/object:os.system {}",
            "a: " + "9" * 5000,
        ),
    ],
)
def test_values_of_yaml_that_are_not_of_their_type(text: str) -> None:
    with pytest.raises(SettingsError, match="is not yaml"):
        look_up("yaml", text, "a")


def test_a_list_in_pairs_that_is_endless_as_a_text_is_no_value() -> None:
    lines = ["l0: &l0 [x, x]", *(f"l{at}: &l{at} [*l{at - 1}, *l{at - 1}, *l{at - 1}]" for at in range(1, 40))]
    started = cpu_s()
    assert look_up("yaml", "\n".join([*lines, "a: !!pairs [b: *l39]"]), "a") == []
    assert look_up("fluent-bit", "\n".join([*lines, "- name: aws\n  b: x"][:-1]), "aws.b") == []
    assert cpu_s() - started < 10


def test_an_ini_whose_line_goes_on_below_a_key_without_a_value() -> None:
    with pytest.raises(SettingsError, match="is not ini"):
        look_up("ini", "[a]\nkey\n  goes on\n", "a.key")


@pytest.mark.parametrize("form", ["ini", "env", "flags", "fluent-bit", "fstab"])
@pytest.mark.parametrize(
    "text", ["[a]\nx" + " " * 500_000 + "y", "\n" * 500_000, "[" * 500_000, "@INCLUDE " + " " * 500_000 + "\tx\n@"]
)
def test_long_lines_and_many_take_no_longer_than_their_length(form: FileFormat, text: str) -> None:
    started = cpu_s()
    with contextlib.suppress(SettingsError):
        look_up(form, text, "a.x")
        included(form, text)
    assert cpu_s() - started < 15
