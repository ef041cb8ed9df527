"""Settings and data: they ask nothing themselves, but for commands in them and for what tells a library where to ask.

Source: Google's "Configure workload identity federation with AWS": the file of a client has the addresses that the library
asks, with a token if imdsv2_session_token_url is there.
"""

from __future__ import annotations

import re
from dataclasses import replace

from imds_probe.inventory.code.forms import context, shell
from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lines import Lines
from imds_probe.inventory.code.speaks import Evidence, Hit
from imds_probe.inventory.code.words import search_bytes

_CLIENT = re.compile(r"[\"']environment_id[\"']\s{0,20}:\s{0,20}[\"']aws\d")
_DOCUMENTED = re.compile(r"\"(?:documentation|description)\"")  # of models of an API, in HTML
_TASK = re.compile(r"\b(?:uri|get_url):")  # of Ansible
_RUNS_CODE_OF = re.compile(
    r"\b(?:python|pypy|perl|ruby|node|nodejs|php)[\d.]{0,6}[ \t]{1,5}(?:-\w{0,10}[ceEr]\b|(?:-[ \t]{1,5})?<<)"
)
LINE_MAX = 1000


def _judged(text: str) -> Judged:
    found = [each for each in search_bytes(text.encode("latin-1")) if context.stands_alone(each)]
    if not found:
        return Judged()
    if not _DOCUMENTED.search(text) and (context.COMMAND.search(text) or _RUNS_CODE_OF.search(text)):
        return shell.judged(text)
    hits, evidence = [], Evidence(asks=_CLIENT.search(text) is not None or _TASK.search(text) is not None)
    lines = Lines(text)
    for each in found:
        line = _line(text, each.at)
        said = context.is_prose(line) or context.of_another_cloud(each) or context.of_another_host(each)
        said = said or line.lstrip().startswith(("#", ";", "//")) or each.after.startswith((b"/32", b"/16"))
        hits.append(Hit(lines.number(each.at), each.word, each.kind, said or not evidence.asks))
        if not said:
            evidence |= Evidence(
                service=each.kind == "service",
                path=each.kind in ("path", "token") or context.has_version(each),
                token=each.kind in ("token", "header"),
            )
    return Judged(tuple(hits), replace(evidence, bare=evidence.asks and not evidence.token))


def _line(text: str, at: int) -> str:
    begin = text.rfind("\n", max(0, at - LINE_MAX), at)
    end = text.find("\n", at, at + LINE_MAX)
    return text[begin + 1 if begin >= 0 else max(0, at - LINE_MAX) : end if end >= 0 else at + LINE_MAX]


_ENDS = (
    ".json",
    ".yaml",
    ".yml",
    ".toml",
    ".ini",
    ".cfg",
    ".conf",
    ".cnf",
    ".properties",
    ".env",
    ".xml",
    ".tf",
    ".hcl",
)
FORM = Form("settings", (*_ENDS, ".plist", ".j2", ".tmpl", ".tpl", ".config"), text=_judged)
