"""The bill of materials: CycloneDX 1.6 in JSON, the same for the same contents."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from architectures import Architecture
from downloads import sha256
from licences import Component

OF_DEBIAN = "debian-13"


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
    return {**entry, "properties": properties} if properties else entry
