"""AWS SDKs for JavaScript that a bundler (webpack, esbuild, rollup) has merged into one script.

Bundlers and minifiers leave property names and texts as they are. Source: the SDKs' own code: lib/core.js and
lib/metadata_service.js of aws-sdk 2.x (which fetches tokens since 2.575.0), credential-provider-imds of 3.x.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import BinaryIO

from imds_probe.inventory.sdks import node_plugged
from imds_probe.inventory.sdks.libraries import Library

SCRIPTS = (".js", ".cjs", ".mjs")
BUNDLE_MIN_BYTES = 96 * 1024  # the part of an SDK that asks for credentials has more, minified
BUNDLE_MAX_BYTES = 64 * 1024 * 1024
V2, V3 = "aws-sdk", "@smithy/credential-provider-imds"
V2_TOKENS_SINCE = "2.575.0"
V3_TOKENS_SINCE = "1.0.0"  # every release of 3.x has them: aws-sdk-js-v3's changelog
_V2_METADATA = b"loadCredentialsCallbacks"
_V2_TOKENS = b"fetchMetadataToken"
_V2_VERSION = re.compile(rb"\bVERSION\s{0,50}:\s{0,50}['\"](2\.\d{1,5}\.\d{1,4})['\"]")
_V3_METADATA = b"x-aws-ec2-metadata-token-ttl-seconds"
_V3_PACKAGE = b"credential-provider-imds"
_V3_VARIABLE = b"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
_MARKS = (_V2_METADATA, _V2_TOKENS, _V3_METADATA, _V3_PACKAGE, _V3_VARIABLE, node_plugged.MARK)
PIECE_BYTES, OVERLAP_BYTES = 1024 * 1024, 256
VERSIONS_MAX = 20  # said of one script


def bundled_libraries(file: BinaryIO, names: Collection[str]) -> list[Library]:
    """The SDKs among `names` in a script; empty where it has none, or is longer than any script is."""
    if file.seek(0, 2) > BUNDLE_MAX_BYTES:
        return []
    marks, versions = _marks(file)
    if node_plugged.MARK in marks:
        return _plugged(file, names)
    found = []
    if _V2_METADATA in marks:
        if versions:
            found += [Library("npm", V2, version, "marker in a bundle") for version in sorted(versions)]
        else:
            since, before = (V2_TOKENS_SINCE, None) if _V2_TOKENS in marks else (None, V2_TOKENS_SINCE)
            found.append(Library("npm", V2, None, "marker in a bundle", at_least=since, below=before))
    # The name of the variable is in late releases of 2.x as well.
    if _V3_METADATA in marks and (_V3_PACKAGE in marks or (_V3_VARIABLE in marks and not found)):
        found.append(Library("npm", V3, None, "marker in a bundle", at_least=V3_TOKENS_SINCE))
    return [library for library in found if library.package in names]


def _plugged(file: BinaryIO, names: Collection[str]) -> list[Library]:
    """What Yarn's script of a project lists."""
    file.seek(0)
    packages = node_plugged.registry(file.read(node_plugged.MAX_BYTES))
    found = [Library("npm", each.own_name, each.version, "Plug'n'Play") for each in packages if each.own_name in names]
    return list(dict.fromkeys(found))


def _marks(file: BinaryIO) -> tuple[set[bytes], set[str]]:
    """Which of the marks are in a script, and the versions that it assigns; read in pieces that overlap."""
    file.seek(0)
    marks: set[bytes] = set()
    versions: set[str] = set()
    rest, left = b"", BUNDLE_MAX_BYTES
    while left > 0 and (chunk := file.read(min(left, PIECE_BYTES))):
        left -= len(chunk)
        piece = rest + chunk
        marks.update(mark for mark in _MARKS if mark in piece)
        versions.update(match.decode() for match in _V2_VERSION.findall(piece)[: VERSIONS_MAX - len(versions)])
        rest = piece[-OVERLAP_BYTES:]
    return marks, versions
