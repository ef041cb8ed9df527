"""What is quoted of a rule: the words that say what it does to which packets, and none that its author made up.

Comments, prefixes of log lines and strings that are matched may hold anything, also what is a secret. Names of chains, sets and
interfaces stay: a rule is found by them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any

from imds_probe.kept.shapes import DIGITS, OMITTED, is_name, is_option_name, together
from imds_probe.net.obstacles.iptables_options import Word
from imds_probe.net.obstacles.obstacle import QUOTE_LIMIT

NAME_MAX = 32
NUMBER_MAX = 11
_HEXADECIMAL = DIGITS | frozenset("abcdef")
# nft(8), and what its JSON has besides: libnftables-json(5).
_NFT_WORDS = frozenset(
    (
        *(
            "ip",
            "ip6",
            "inet",
            "tcp",
            "udp",
            "th",
            "icmp",
            "icmpx",
            "icmpv6",
            "ether",
            "arp",
            "vlan",
            "meta",
            "ct",
            "socket",
        ),
        *(
            "daddr",
            "saddr",
            "dport",
            "sport",
            "protocol",
            "nexthdr",
            "l4proto",
            "nfproto",
            "ttl",
            "hoplimit",
            "mark",
            "iif",
        ),
        *(
            "oif",
            "iifname",
            "oifname",
            "iiftype",
            "oiftype",
            "skuid",
            "skgid",
            "cgroup",
            "cgroupv2",
            "level",
            "fib",
            "type",
        ),
        *(
            "local",
            "unicast",
            "broadcast",
            "multicast",
            "host",
            "other",
            "addr",
            "addrtype",
            "pkttype",
            "length",
            "flags",
        ),
        *(
            "syn",
            "ack",
            "fin",
            "rst",
            "psh",
            "urg",
            "accept",
            "drop",
            "reject",
            "with",
            "reset",
            "return",
            "continue",
            "jump",
        ),
        *(
            "goto",
            "queue",
            "num",
            "bypass",
            "fanout",
            "dnat",
            "snat",
            "to",
            "redirect",
            "masquerade",
            "tproxy",
            "log",
            "prefix",
        ),
        *(
            "group",
            "snaplen",
            "counter",
            "packets",
            "bytes",
            "limit",
            "rate",
            "over",
            "burst",
            "second",
            "minute",
            "hour",
        ),
        *(
            "day",
            "quota",
            "until",
            "used",
            "state",
            "status",
            "direction",
            "original",
            "reply",
            "established",
            "related",
        ),
        *(
            "new",
            "invalid",
            "untracked",
            "set",
            "add",
            "update",
            "delete",
            "map",
            "vmap",
            "elem",
            "key",
            "value",
            "data",
        ),
        *("numgen", "random", "inc", "mod", "offset", "fully-random", "persistent", "jhash", "symhash", "seed", "rt"),
        *(
            "classid",
            "nexthop",
            "mtu",
            "exists",
            "missing",
            "helper",
            "hook",
            "priority",
            "policy",
            "filter",
            "nat",
            "route",
        ),
        *(
            "and",
            "or",
            "xor",
            "not",
            "eq",
            "ne",
            "lt",
            "gt",
            "le",
            "ge",
            "in",
            "match",
            "op",
            "left",
            "right",
            "payload",
        ),
        *(
            "field",
            "base",
            "len",
            "concat",
            "range",
            "mangle",
            "family",
            "port",
            "name",
            "xt",
            "target",
            "notrack",
            "dup",
        ),
        *(
            "device",
            "fwd",
            "last",
            "never",
            "vlan",
            "id",
            "root",
            "user",
            "limit",
            "per",
            "inv",
            "comment",
            "expr",
            "chain",
        ),
        *(
            "port-unreachable",
            "host-unreachable",
            "net-unreachable",
            "admin-prohibited",
            "no-route",
            "addr-unreachable",
        ),
        *("host-prohibited", "net-prohibited", "prot-unreachable", "http", "https", "domain", "true", "false", "null"),
        *(".", "{", "}", "==", "!=", "<", ">", "<=", ">=", "&", "|", "^", "<<", ">>", "!", ":", "(", ")", "~", "*"),
    )
)
_BEFORE_NAMES = ("jump", "goto", "iifname", "oifname", "iif", "oif", "target")
# Of iptables: options whose value says which packets, or what becomes of them.
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


def nft_rule(text: str) -> str:
    """A rule as nft prints it. Between quotation marks, which nft has no escape for, stand names and free text."""
    return together(_nft_words(text[: 4 * QUOTE_LIMIT]), QUOTE_LIMIT)


def nft_json(expression: Any) -> Any:
    """A rule's expressions in nft's JSON."""
    if isinstance(expression, dict):
        return {_nft_word(str(key)): nft_json(value) for key, value in expression.items()}
    if isinstance(expression, list):
        return [nft_json(each) for each in expression]
    return _nft_word(expression) if isinstance(expression, str) else expression


def iptables_rule(words: Iterable[Word]) -> str:
    """A rule as iptables-save prints it."""
    return together(_iptables_words(words), QUOTE_LIMIT)


def _nft_words(text: str) -> Iterator[str]:
    before = ""
    for index, part in enumerate(text.split('"')):
        if index % 2:
            yield f'"{part}"' if before in _BEFORE_NAMES and _is_short(part) else OMITTED
            before = OMITTED
            continue
        for word in part.split():
            bare = word.rstrip(",;")
            named = before in _BEFORE_NAMES and _is_short(bare)
            yield word if named else _nft_word(bare) + word[len(bare) :]
            before = before if word in ("==", "!=") else word


def _nft_word(word: str) -> str:
    if word in _NFT_WORDS or _is_number(word) or (word.startswith("@") and _is_short(word[1:])):
        return word
    if "-" in word and all(_is_number(end) for end in word.split("-", 2)):
        return word
    return OMITTED


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
    return len(text) <= 100 and all(_is_short(part) or _is_number(part) for part in parts)


def _is_short(name: str) -> bool:
    return is_name(name) and len(name) <= NAME_MAX


def _is_number(word: str) -> bool:
    """A number or address, perhaps with its port or the length of a prefix."""
    if not 0 < len(word) <= 60:
        return False
    if word.startswith("0x"):
        return len(word) <= NUMBER_MAX and _HEXADECIMAL.issuperset(word[2:])
    if (DIGITS | {"."}).issuperset(word) and word.count(".") in (0, 3):
        return len(word) <= 15 if "." in word else len(word) <= NUMBER_MAX
    address, slash, rest = word.partition("/")
    if slash and len(rest) <= NUMBER_MAX:
        return _is_number(address) and (_is_number(rest) or not rest)
    address, colon, port = word.rpartition(":")
    if colon and DIGITS.issuperset(port) and "." in address:
        return len(port) <= 5 and _is_number(address)
    try:
        ipaddress.IPv6Address(word.strip("[]"))
    except ValueError:
        return bool(colon) and not address and DIGITS.issuperset(port) and len(port) <= 5
    return True
