"""Targets: code that may call the metadata service, by the form that it has."""

from __future__ import annotations

import importlib.util
import io
import marshal
import zipfile
import zlib
from collections.abc import Mapping

import elves
import java_classes
from code_snippets import snippets
from fuzz.target import Target, check

from imds_probe.inventory.code.elsewhere import said_of_hosts, said_with, said_with_headers
from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.forms import FORMS
from imds_probe.inventory.code.speaks import together

URL = "http://169.254.169.254/latest/meta-data/"
# One path of each form, and some that say nothing of it.
PATHS = (
    *(f"/opt/x{form.ends[0]}" for form in FORMS if form.ends),
    "/opt/x",
    "/opt/x.jar",
    "/opt/node_modules/x/tests/x.js",
)


def _code(data: bytes) -> None:
    """Whatever it is called: nothing is raised, and what is said of it can be written."""
    said = {}
    for path in PATHS:
        said[path] = each = said_by(io.BytesIO(data), path)
        check((each.form, each.hits, each.speaks, each.whole, each.unread, each.searched, each.quote))
        assert each.whole != bool(each.unread)
        assert (
            each.shown is None or each.shown.line is None or each.shown.line <= data.count(b"\n") + 1 or ".py" in path
        )
    together(said)
    for each in (
        said_with(data, "/opt/x.sh", "shell", {"IMDS": URL}),
        said_of_hosts(data, "/opt/x.sh", ("metadata", "instance-data")),
        said_with_headers(data, "/opt/x.sh", {"HDR": "Accept: x"}, lambda path: data),
    ):
        check(each)


def _seeds() -> Mapping[str, bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("com/x/A.class", java_classes.made([URL], ["openStream"]))
        file.writestr("x.py", f"requests.get('{URL}')")
    module = compile(f'"""A text."""\nurlopen("{URL}", timeout=2.5)', "x.py", "exec")
    return {
        **{each.name.replace(" ", "-").replace(":", ""): each.content for each in snippets()},
        "jar": archive.getvalue(),
        "class": java_classes.made([URL, "X-aws-ec2-metadata-token"], ["openStream"]),
        "pyc": importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(module),
        "elf": elves.made({".rodata": URL.encode() + b"\0x-aws-ec2-metadata-token"}),
        "beam": b"FOR1\0\0\0\0BEAMLitT\0\0\0\x40\0\0\0\1" + zlib.compress(URL.encode()),
        "assembly": b"MZ" + bytes(100) + URL.encode("utf-16-le"),
        "wide": b"\xff\xfe" + f"curl {URL}\n".encode("utf-16-le"),
    }


TARGETS = {"code": Target(lambda _: _code, _seeds)}
