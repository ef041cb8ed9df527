"""The bill of materials: CycloneDX 1.6 in JSON, the same for the same contents."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from architectures import Architecture
from downloads import sha256
from licences import Component

OF_DEBIAN = "debian-13"
# By which vendor and product the National Vulnerability Database knows what is inside of these packages of Debian. The others have
# no code in them.
PRODUCTS = {
    "python3.13-minimal": ("python", "python"),
    "libpython3.13-minimal": ("python", "python"),
    "libpython3.13-stdlib": ("python", "python"),
    "libc6": ("gnu", "glibc"),
    "libgcc-s1": ("gnu", "gcc"),
    "libexpat1": ("libexpat_project", "libexpat"),
    "zlib1g": ("zlib", "zlib"),
    "libssl3t64": ("openssl", "openssl"),
    "libffi8": ("libffi_project", "libffi"),
    "libbz2-1.0": ("bzip", "bzip2"),
    "liblzma5": ("tukaani", "xz"),
    "libzstd1": ("facebook", "zstandard"),
    "libsqlite3-0": ("sqlite", "sqlite"),
    "libuuid1": ("kernel", "util-linux"),
}
_REPACKED = re.compile(r"[.+~]?(?:dfsg|ds|repack).*")


def document(version: str, architecture: Architecture, components: Sequence[Component], epoch: int) -> str:
    """The document's text; `epoch` is the time (Unix, s) that it says it was made at."""
    subject = {
        "type": "application",
        "bom-ref": f"pkg:generic/imds-probe@{version}",
        "name": "imds-probe",
        "version": version,
        "purl": f"pkg:generic/imds-probe@{version}",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    entries = sorted((_entry(each, architecture) for each in components), key=lambda entry: str(entry["bom-ref"]))
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z"),
            "component": subject,
            "properties": [{"name": "architecture", "value": architecture.name}],
        },
        "components": entries,
        "dependencies": [
            {"ref": subject["bom-ref"], "dependsOn": [entry["bom-ref"] for entry in entries]},
            *({"ref": entry["bom-ref"]} for entry in entries),
        ],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return json.dumps({"serialNumber": f"urn:uuid:{serial}", **content}, indent=1) + "\n"


def _entry(component: Component, architecture: Architecture) -> Mapping[str, object]:
    properties = []
    if component.source:
        # Names as they are, versions with what a URL keeps for itself escaped: the purl specification.
        purl = f"pkg:deb/debian/{component.name}@{quote(component.version, safe='')}"
        purl += f"?arch={architecture.debian}&distro={OF_DEBIAN}"
        if component.source != (component.name, component.version):
            # By this, scanners find what Debian says of its source packages, which is where it says of vulnerabilities.
            purl += f"&upstream={component.source[0]}%40{quote(component.source[1], safe='')}"
        properties = [{"name": "debian:source", "value": " ".join(component.source)}]
    else:
        purl = f"pkg:pypi/{component.name.lower().replace('_', '-')}@{component.version}"
    entry: dict[str, object] = {
        "type": "library",
        "bom-ref": purl,
        "name": component.name,
        "version": component.version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": sha256(component.file)}],
        "licenses": [{"license": {"name": name}} for name in component.licences],
    }
    if component.name in PRODUCTS:
        # Debian mends without taking a new upstream version: by this alone, a scanner finds too much rather than too little.
        vendor, product = PRODUCTS[component.name]
        entry["cpe"] = f"cpe:2.3:a:{vendor}:{product}:{upstream(component.version)}:*:*:*:*:*:*:*"
    return {**entry, "properties": properties} if properties else entry


def upstream(version: str) -> str:
    """The version that the authors gave it, out of Debian's: deb-version(7), and what Debian adds by habit."""
    without_epoch = version.partition(":")[2] if ":" in version else version
    theirs = without_epoch.rpartition("-")[0] or without_epoch
    return _REPACKED.sub("", theirs.rpartition("+really")[2])
