"""Scripts that ask without a token only where they got none, and others that only look so."""

from __future__ import annotations

import io

import pytest

from imds_probe.inventory.code.file import said_by

URL = "http://169.254.169.254/latest"
PUT = f"curl -sX PUT {URL}/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'"
SET = f"T=$({PUT})"
WITH = f'I=$(curl -s -H "X-aws-ec2-metadata-token: $T" {URL}/meta-data/instance-id)'
BARE = f"I=$(curl -s {URL}/meta-data/instance-id)"


def speaks(text: str) -> str | None:
    return said_by(io.BytesIO(text.encode()), "/opt/x.sh").speaks


@pytest.mark.parametrize(
    "condition",
    [
        '[ -n "$T" ]',
        "[[ -n $T ]]",
        '[ "$T" ]',
        'test -n "${T}"',
        '[ ! -z "$T" ]',
        '[ "x$T" != x ]',
        '[ "$T" != "" ]',
        "[ ${#T} -gt 0 ]",
        "[ $? -eq 0 ]",
        '[ -n "$T" ] || [ -n "$OTHER" ]',
    ],
)
def test_the_branch_without_a_token(condition: str) -> None:
    assert speaks(f"{SET}\nif {condition}; then\n  {WITH}\nelse\n  {BARE}\nfi\n") == "v2"


@pytest.mark.parametrize(
    "condition",
    [
        '[ -z "$T" ]',
        "[[ -z $T || $T == *404* ]]",
        '[ "$T" = "" ]',
        '[ -z "$T" ] && [ -z "$X" ]',
        "[ $? -ne 0 ]",
        "[ ${#T} -eq 0 ]",
    ],
)
def test_the_branch_of_an_empty_token(condition: str) -> None:
    assert speaks(f"{SET}\nif {condition}\nthen\n  {BARE}\nelse\n  {WITH}\nfi\n") == "v2"


@pytest.mark.parametrize(
    "text",
    [
        f"if {SET}; then\n  {WITH}\nelse\n  {BARE}\nfi\n",
        f"if ! {SET}; then\n  {BARE}\nelse\n  {WITH}\nfi\n",
        f'get() {{\n  {PUT}\n}}\nT=$(get)\nif [ -n "$T" ]; then\n  {WITH}\nelse\n  {BARE}\nfi\n',
        f'{SET}\nask() {{\n  if [ -n "$T" ]; then\n    {WITH}\n  else\n    {BARE}\n  fi\n}}\nask\n',
        f"{SET}\n{WITH} || {BARE}\n",
        f"{SET}\n{WITH} \\\n  || {BARE}\n",
        f'{SET}\nif [ -n "$T" ]; then\n  {WITH}\nelif [ "$1" = x ]; then\n  {BARE}\nfi\n',
        f'if [ -z "$T" ]; then\n  {SET}\n  if [ -z "$T" ]; then\n    {BARE}\n  fi\nfi\n{WITH}\n',
        f'{SET} || T=""\nif [ -n "$T" ]; then\n  {WITH}\nelse\n  {BARE}\nfi\nunset T\n',
        f'{SET}\nif [ $? -ne 0 ]; then\n  T=\nfi\nif [ -z "$T" ]; then\n  {BARE}\nelse\n  {WITH}\nfi\n',
        f'ask() {{\n  local T\n  {SET}\n  if [ -z "$T" ]; then\n    {BARE}\n  else\n    {WITH}\n  fi\n}}\nask\n',
    ],
)
def test_other_ways_to_write_it(text: str) -> None:
    assert speaks(text) == "v2"


BRANCHES = f'if [ -n "$T" ]; then\n  {WITH}\nelse\n  {BARE}\nfi\n'


@pytest.mark.parametrize(
    "text",
    [
        f'if [ "$IMDS_V2" = 1 ]; then\n  {SET}\nfi\n{BRANCHES}',
        f"if wants_token; then\n  {SET}\nfi\n{BRANCHES}",
        f'[ -n "$IMDS_V2" ] && {SET}\n{BRANCHES}',
        f"case $1 in\n v2) {SET};;\nesac\n{BRANCHES}",
        f"token() {{\n  {SET}\n}}\n{BRANCHES}",
        f'{SET}\nif [ -n "$T" ] && [ -n "$X" ]; then\n  {WITH}\nelse\n  {BARE}\nfi\n',
        f'{SET}\nif [ -z "$T" ] || [ -n "$X" ]; then\n  {BARE}\nelse\n  {WITH}\nfi\n',
        f'{SET}\nif [ -n "$OTHER" ]; then\n  {WITH}\nelse\n  {BARE}\nfi\n',
        f'{SET}\nif [ -n "$T" ]; then\n  {BARE}\nelse\n  {WITH}\nfi\n',
        f"{SET}\ndate\nif [ $? -eq 0 ]; then\n  {WITH}\nelse\n  {BARE}\nfi\n",
        f"{BRANCHES}{SET}\n",
        f"{SET}\n{WITH} && {BARE}\n",
        f"{SET}\n{WITH}\n{BARE}\n",
        f"{SET}\nT=\n{BRANCHES}",
        f'{SET}\n[ -n "$OLD" ] && unset T\n{BRANCHES}',
        f"{SET}\nT=$(cat /etc/token)\n{BRANCHES}",
        f"{SET}\nread -r T < /etc/token\n{BRANCHES}",
        f"{SET}\nask() {{\n  local T=$1\n  {BRANCHES}}}\nask\n",
        f"while :; do\n  {BRANCHES}  {SET}\n  T=\ndone\n",
        f'{SET}\nif [ -n "$T" ] && wanted; then\n  {WITH}\nelse\n  {BARE}\nfi\n',
        f'{SET}\nif [ -n "$T" ] && [ -e /etc/v2 ]; then\n  {WITH}\nelse\n  {BARE}\nfi\n',
        f'{SET}\nif [ -z "$T" ] || [ -e /etc/v1 ]; then\n  {BARE}\nelse\n  {WITH}\nfi\n',
        f"{SET}\nif [ ${{#T}} -gt 1000 ]; then\n  {WITH}\nelse\n  {BARE}\nfi\n",
        f"if {SET} && [ -e /etc/v2 ]; then\n  {WITH}\nelse\n  {BARE}\nfi\n",
        f"if ! {SET} || [ -e /etc/v1 ]; then\n  {BARE}\nelse\n  {WITH}\nfi\n",
        f"{SET}\nif T=$(cat /etc/token); then\n  {WITH}\nelse\n  {BARE}\nfi\n",
        f'{SET}\nN=$(curl -sf -H "X-aws-ec2-metadata-token: $T" {URL}/meta-data/tags/instance/Name) || {BARE}\n',
        f"if wanted; then\n  {SET}\nfi\n{WITH} || {BARE}\n",
    ],
)
def test_something_else_leads_there_as_well(text: str) -> None:
    assert speaks(text) == "both"


def test_a_token_that_the_service_refuses_is_none() -> None:
    assert speaks(f"T=$(curl -s {URL}/api/token)\n{BRANCHES}") == "v1"


def test_a_long_script_with_functions_that_call_each_other_is_read() -> None:
    bodies = (f"f{each}() {{\n  {SET}\n  f{each + 1}\n  f{each + 2}\n  {BRANCHES}}}\n" for each in range(40))
    assert speaks(f"{''.join(bodies)}f0\n") == "v2"
