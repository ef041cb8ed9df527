"""Targets: settings of agents, and the configuration of our own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from fuzz.target import Parse, Target, check, choose, chosen, printable

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.entry import CatalogError
from imds_probe.catalog.reading import read_file
from imds_probe.catalog.rows import Row
from imds_probe.collect import owner_reading
from imds_probe.collect.owner_tasks import OwnersLooked
from imds_probe.commands import configuration
from imds_probe.commands.simulate import parse_address
from imds_probe.config.loading import read
from imds_probe.config.printing import printed_config
from imds_probe.duration import parse_duration
from imds_probe.errors import ProbeError, UsageError
from imds_probe.inventory.settings.formats import VALUE_MAX, SettingsError, included, look_up
from imds_probe.inventory.settings.looking import Looking
from imds_probe.inventory.settings.programs import Program

# A key, and an example with it, by format.
FORMATS: Mapping[str, tuple[str, str]] = {
    "yaml": ("a.b", "# c\na:\n  - b: true\n  - b: [1, 2.5, 2001-01-01, x]\nc: &x [*x]\n"),
    "json": ("a.b", '{"a": [{"b": true}, {"b": "x"}]}'),
    "toml": ("a.b", "[a]\nb = 1\n[[c]]\nd = 2001-01-01T00:00:00Z\n"),
    "ini": ("a.b", "[a]\nb = x\n  y\nc\n[d]\nb: z ; e\n"),
    "env": ("b", "export b='x'\n# c\nb=\"y\"\n"),
    "flags": ("--b", "--a\n--b=x\n--b\ny\n"),
    "fluent-bit": ("aws.b", "[SERVICE]\n  Flush 5\n@INCLUDE more.conf\n[FILTER]\n  Name aws\n  B v1\n"),
    "fluentd": ("a.!b", "<match **>\n  @type 'a' # x\n  b c\n  <d>\n  </d>\n</match>\n@include e/*.conf\n"),
    "hcl": (
        "a.b.!c",
        'a "b" {\n  c = "" # x\n  d = [1, "${x}", f(1)]\n  e = <<-X\n  y\n  X\n}\n/* z */ f = { g: true, }\n',
    ),
    "alloy": ("a.b.*.c", '// x\na.b "x" {\n  c = ["d"]\n}\nimport.git "m" { }\n'),
    "otelcol": (
        "processors.a*.b",
        "processors: {a/b: {b: [ec2]}, c: }\nservice: {pipelines: {x: {processors: [a/b]}}}\n",
    ),
    "prometheus": ("**.a.?", "scrape_config_files: [b]\nc: [{a: }, &x [*x]]\n"),
    "any": ("a.*.b", "[a.c]\nb = 'x'\n"),
    "fstab": ("fuse.x.b", "bucket /a fuse.x _netdev,b=1 0 0\nx#y /b fuse b 0 0\n"),
}


def _formats(data: bytes) -> None:
    at, content = choose(data, len(FORMATS))
    form, (key, _) = list(FORMATS.items())[at]
    text = content.decode(errors="replace").removeprefix("\ufeff")
    for look in (lambda: look_up(form, text, key), lambda: included(form, text)):  # type: ignore[arg-type]
        try:
            found = look()
        except SettingsError as error:
            check(str(error))
            continue
        if look.__code__.co_names[0] == "look_up":
            assert all(len(value) <= VALUE_MAX for value in found)


OWNERS_FILES = (
    *owner_reading.KUBELET_FILES,
    *(owner_reading.KUBECONFIG, owner_reading.ECS_CONFIG, owner_reading.KOPS_ENV, owner_reading.EMR_JOB_FLOW),
    f"{owner_reading.BEANSTALK}/envid",
)


def _owners(place: Path) -> Parse:
    for name in OWNERS_FILES:
        (place / name).parent.mkdir(parents=True, exist_ok=True)

    def parse(data: bytes) -> None:
        at, content = choose(data, len(OWNERS_FILES))
        path = place / OWNERS_FILES[at]
        path.write_bytes(content)
        try:
            for seen in owner_reading.read_owners(OwnersLooked(str(place), str(place / "proc"), ())):
                check(seen)
                for owner in seen.owners:
                    printable(owner.name, 255)
                    printable(owner.cluster, 255)
        finally:
            path.unlink()

    return parse


def _owner_seeds() -> Mapping[str, bytes]:
    texts = (
        "--node-labels=eks.amazonaws.com/nodegroup=web,eks.amazonaws.com/sourceLaunchTemplateId=lt-0123456789abcdef0",
        '- "-i"\n- "shop"\n',
        "ECS_CLUSTER=night_Batch_5b9eb0f5-0c4c-4c6c-9d3a-0123456789ab\n",
        "ClusterName: k8s.example.com\nInstanceGroupName: nodes\n",
        '{"jobFlowId": "j-1K48XXXXXXHCB"}',
        "e-abcd123456\n",
    )
    places = (0, *range(len(owner_reading.KUBELET_FILES), len(OWNERS_FILES)))
    return {OWNERS_FILES[at]: chosen(at, text) for at, text in zip(places, texts, strict=True)}


def _format_seeds() -> Mapping[str, bytes]:
    found = {form: chosen(at, text) for at, (form, (_, text)) in enumerate(FORMATS.items())}
    tags = (
        "!!timestamp 2001-01-01",
        "!!bool yes",
        "!!int 0x1f",
        "!!float .inf",
        "!!binary aGk=",
        "!!set {x}",
        "!!omap [x: y]",
        "!!pairs [x: y]",
    )
    more = {f"tag-{at}": chosen(0, f"a: {{b: {tag}}}\n") for at, tag in enumerate(tags)}
    fluent = list(FORMATS).index("fluent-bit")
    pipeline = "includes: [more.yaml]\npipeline:\n  filters:\n    - name: aws\n      b: v1\n"
    return {**found, **more, "fluent-yaml": chosen(fluent, pipeline)}


def _rows() -> list[Row]:
    return [row for row in Catalog.load().rows if next(row.switches(), None) is not None]


def _looking(root: Path) -> Parse:
    """Every setting that the catalog knows, in its file below a root; and what users' accounts and files lead to."""
    rows = _rows()
    places = sorted(
        {place.path for row in rows for _, switch in row.switches() for place in switch.places if place.path}
    )
    files = ["/etc/passwd", *(place.replace("~", "/root").replace("*", "x") for place in places)]
    for file in files:
        (root / file.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
    program = Program(7, "x", ("x", "-config", "etc/x", "--config=/y"), "/etc", {})

    def parse(data: bytes) -> None:
        at, content = choose(data, len(files))
        file = root / files[at].lstrip("/")
        file.write_bytes(content)
        looking = Looking(root)
        for row in rows:
            for seen in looking.look(row, [program]):
                check(seen)
                printable(seen.value, 100)
                printable(seen.problem, 300)
        file.unlink()

    return parse


def _looking_seeds() -> Mapping[str, bytes]:
    texts = [text for _, text in FORMATS.values()] + ["root:x:0:0::/root:/bin/sh\nx:x:1:1::/home/x:/bin/sh\n"]
    return {f"{at}-{number}": chosen(at, text) for at in range(0, 12, 3) for number, text in enumerate(texts)}


_ENTRY = 'finding = "imdsv1-caller"\nsubject = "backup.service"\nreason = "x"\nowner = "y"\n'
_ACCEPTED = "".join(
    f"[[accept]]\n{_ENTRY}expires = {day}\n" for day in ("2027-01-31", '"2027-02-31"', "2027-01-31T00:00:00Z")
)


def _configuration(root: Path) -> Parse:
    """A file of ours: in force, or refused in a sentence that names it."""
    file = root / "imds-probe.toml"

    def parse(data: bytes) -> None:
        file.write_bytes(data)
        try:
            read(file)
            loaded = configuration.load(file, complete=True)
            printed_config(loaded, {}).encode()
        except UsageError as error:
            assert "imds-probe.toml" in str(error)
            check(str(error))

    return parse


def _configuration_seeds() -> Mapping[str, bytes]:
    shipped = Path(__file__).parents[2] / "packaging/imds-probe.toml"
    text = shipped.read_text() if shipped.exists() else ""
    own = 'report = ["file"]\n[watch]\nwindow = "14d"\ncoverage = 0.9\n[aws]\nregion = "eu-west-1"\n[spool]\nsize = "64MB"\n'
    set_so = "\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines())
    return {
        "own": own.encode(),
        "shipped": text.encode(),
        "all": set_so.encode(),
        "accepted": _ACCEPTED.encode(),
        "odd": b"report = [[1]]\nx = 1\n[watch]\ny = {}\n",
    }


def _catalog(root: Path) -> Parse:
    """A catalog of somebody's own."""
    file = root / "catalog.json"

    def parse(data: bytes) -> None:
        file.write_bytes(data)
        try:
            rows = read_file(file)
        except CatalogError as error:
            assert "catalog.json" in str(error)
            return
        for row in rows:
            assert row.packages

    return parse


def _catalog_seeds() -> Mapping[str, bytes]:
    import imds_probe

    found = {}
    for file in sorted((Path(imds_probe.__file__).parent / "catalog").glob("*.json")):
        document = json.loads(file.read_text())
        for at, row in enumerate(document["components"][:12]):
            found[f"{file.stem}-{at}"] = json.dumps(document | {"components": [row]}).encode()
    return found


def _words(data: bytes) -> None:
    """What is typed behind an option."""
    text = data.decode(errors="replace")
    for look in (parse_duration, parse_address):
        with contextlib.suppress(ValueError, ProbeError):
            check(look(text))


TARGETS = {
    "owners-of-instances": Target(_owners, _owner_seeds),
    "setting-formats": Target(lambda _: _formats, _format_seeds),
    "settings": Target(_looking, _looking_seeds),
    "configuration": Target(_configuration, _configuration_seeds),
    "catalog": Target(_catalog, _catalog_seeds),
    "options": Target(lambda _: _words, lambda: {"duration": b"14d", "address": b"[::1]:80", "ip": b"127.0.0.1:8080"}),
}
