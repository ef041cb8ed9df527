"""Scripts that ask for a token only where a setting says so, and others that only look so."""

from __future__ import annotations

import io

import pytest

from imds_probe.inventory.code.file import said_by

PUT = "T=$(curl -sX PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60')"
HEADER = 'H="-H X-aws-ec2-metadata-token:$T"'
ASK = "curl -s $H http://169.254.169.254/latest/meta-data/instance-id"
ASK_BY_T = 'curl -s -H "X-aws-ec2-metadata-token: $T" http://169.254.169.254/latest/meta-data/instance-id'


def speaks(text: str) -> str | None:
    return said_by(io.BytesIO(text.encode()), "/opt/x.sh").speaks


@pytest.mark.parametrize(
    "text",
    [
        f'if [ "$IMDS_V2" = "true" ]; then\n  {PUT}\n  {HEADER}\nfi\n{ASK}\n',
        f'H=""\nif [[ -n $USE_V2 ]]\nthen\n  {PUT}\n  {HEADER}\nfi\n{ASK}\n',
        f'if [ "$1" = v2 ]; then {PUT}; fi\n{ASK_BY_T}\n',
        f"USE_V2=false\nif $USE_V2; then\n  {PUT}\nfi\n{ASK_BY_T}\n",
        f'{PUT}\n[ "$IMDS_V2" = 1 ] && {HEADER}\n{ASK}\n',
        f'if [ "$IMDS_V2" = 1 ]; then\n  if [ -x /usr/bin/curl ]; then\n    {PUT}\n    {HEADER}\n  fi\nelse\n  :\nfi\n{ASK}\n',
    ],
)
def test_a_setting_decides(text: str) -> None:
    assert speaks(text) == "both"


@pytest.mark.parametrize(
    "text",
    [
        f'{PUT}\nif [ -n "$T" ]; then\n  {HEADER}\nfi\n{ASK}\n',
        f"if needs_token; then\n  {PUT}\n  {HEADER}\nfi\n{ASK}\n",
        f'S=$(curl -o /dev/null -w "%{{http_code}}" x)\nif [ "$S" = 401 ]; then\n  {PUT}\n  {HEADER}\nfi\n{ASK}\n',
        f'V2=${{V2:-true}}\nif [ "$V2" = true ]; then\n  {PUT}\n  {HEADER}\nfi\n{ASK}\n',
        f'if [ "$V2" != false ]; then\n  {PUT}\n  {HEADER}\nfi\n{ASK}\n',
        f'if [ "$V2" = true ]; then\n  {PUT}\n  {HEADER}\nelse\n  exit 1\nfi\n{ASK}\n',
        f'if [ "$EC2" = true ]; then\n  {PUT}\n  {HEADER}\n  {ASK}\nfi\n',
        f'{PUT}\n{HEADER}\nif [ "$V2" = true ]; then\n  {HEADER}\nfi\n{ASK}\n',
    ],
)
def test_nothing_but_the_service_decides(text: str) -> None:
    assert speaks(text) == "v2"
