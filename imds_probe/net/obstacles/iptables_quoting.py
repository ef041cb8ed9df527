"""What is quoted of a rule of iptables: see nft_quoting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imds_probe.kept.shapes import OMITTED, is_option_name, together
from imds_probe.net.obstacles.iptables_options import Word
from imds_probe.net.obstacles.obstacle import QUOTE_LIMIT
from imds_probe.net.obstacles.rule_words import is_number, is_short

# Options whose value says which packets, or what becomes of them.
_BEFORE_VALUES = frozenset(
    (
        *(
            "-A",
            "-j",
            "-g",
            "-i",
            "-o",
            "-p",
            "-s",
            "-d",
            "-m",
            "--dport",
            "--sport",
            "--dports",
            "--sports",
            "--ports",
        ),
        *(
            "--to-destination",
            "--to-source",
            "--to-ports",
            "--to",
            "--on-port",
            "--on-ip",
            "--tproxy-mark",
            "--set-mark",
        ),
        *(
            "--set-xmark",
            "--or-mark",
            "--and-mark",
            "--xor-mark",
            "--mark",
            "--nfmask",
            "--ctmask",
            "--ctstate",
            "--state",
        ),
        *(
            "--ctstatus",
            "--ctorigdst",
            "--uid-owner",
            "--gid-owner",
            "--dst-type",
            "--src-type",
            "--reject-with",
            "--limit",
        ),
        *(
            "--ttl-set",
            "--ttl-dec",
            "--ttl-inc",
            "--ttl-eq",
            "--ttl-lt",
            "--ttl-gt",
            "--hl-set",
            "--hl-dec",
            "--hl-inc",
        ),
        *(
            "--hl-eq",
            "--hl-lt",
            "--hl-gt",
            "--src-range",
            "--dst-range",
            "--limit-burst",
            "--tcp-flags",
            "--probability",
        ),
        *(
            "--mode",
            "--every",
            "--packet",
            "--match-set",
            "--physdev-in",
            "--physdev-out",
            "--log-level",
            "--return-nomatch",
        ),
    )
)


def iptables_rule(words: Iterable[Word]) -> str:
    """A rule as iptables-save prints it."""
    return together(_iptables_words(words), QUOTE_LIMIT)


def _iptables_words(words: Iterable[Word]) -> Iterator[str]:
    before = ""
    for word in words:
        if word.is_option:
            known = word.text in _BEFORE_VALUES or (word.text[:2] == "--" and is_option_name(word.text[2:]))
            yield word.text if known else OMITTED
        elif word.text == "!" and not word.quoted:
            yield "!"
            continue
        else:
            harmless = before in _BEFORE_VALUES and not word.quoted and _is_value(word.text)
            yield word.text if harmless else OMITTED
        before = word.text if word.is_option else ""


def _is_value(text: str) -> bool:
    parts = text.replace("/", ",").split(",")
    return len(text) <= 100 and all(is_short(part) or is_number(part) for part in parts)
