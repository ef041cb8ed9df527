"""Requests by the metadata client of AWS's SDK for JavaScript 2, beside requests that carry a token."""

from __future__ import annotations

import io

import pytest

from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.forms import lexing, node
from imds_probe.inventory.code.forms.source_client import asks_bare

ID = "'/latest/meta-data/instance-id'"
# What a bundle has of the SDK itself, by the words that count.
SDK = """AWS.MetadataService = inherit({
  endpoint: 'http://169.254.169.254',
  request: function request(path, options, callback) { new AWS.HttpRequest(this.endpoint + path); },
  fetchMetadataToken: function fetchMetadataToken(callback) {
    this.request('/latest/api/token', { method: 'PUT', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' } }, callback);
  },
  loadCredentials: function (cb) {
    this.request('/latest/meta-data/iam/security-credentials/', { headers: { 'x-aws-ec2-metadata-token': token } }, cb);
  }
});
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "v2"),
        (f"const m = new aws_sdk_1.MetadataService();\nm.request({ID}, done);", "both"),
        (f"const m = new n.MetadataService({{ maxRetries: f(1) }});\nm.request({ID}, (e, d) => g(d));", "both"),
        (f"new import_aws_sdk2.MetadataService().request({ID}, done);", "both"),
        (f"let t=new n.MetadataService;t.request({ID},e)", "both"),
        (f"(new n.MetadataService).request({ID},e)", "both"),
        (
            f"m = new n.MetadataService();\nm.request({ID}, {{ headers: {{ 'x-aws-ec2-metadata-token': t }} }}, done);",
            "v2",
        ),
        (f"m = new n.MetadataService();\nm.request({ID}, options, done);", "v2"),
        ("this.metadataService = new AWS.MetadataService(options);\nself.metadataService.loadCredentials(done);", "v2"),
        ("let t=new n.MetadataService;t.loadCredentials(e);t.request(u,e)", "v2"),
    ],
)
def test_what_a_bundle_asks_beside_its_sdk(text: str, expected: str) -> None:
    assert said_by(io.BytesIO(f"{SDK}{text}\n".encode()), "/srv/app/bundle.js").speaks == expected


def test_brackets_that_never_close_end() -> None:
    text = "m = new n.MetadataService(" + "(" * 300_000
    layout = lexing.laid_out(text, node._LANGUAGE.syntax)
    assert layout is not None
    assert not asks_bare(layout, text.index("MetadataService"))
