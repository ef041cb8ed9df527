"""What is quoted of a rule of nftables: the words that say what it does to which packets, and none that its author made up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imds_probe.kept.shapes import OMITTED, together
from imds_probe.net.obstacles.obstacle import QUOTE_LIMIT
from imds_probe.net.obstacles.rule_words import is_number, is_short

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


def _nft_words(text: str) -> Iterator[str]:
    before = ""
    for index, part in enumerate(text.split('"')):
        if index % 2:
            yield f'"{part}"' if before in _BEFORE_NAMES and is_short(part) else OMITTED
            before = OMITTED
            continue
        for word in part.split():
            bare = word.rstrip(",;")
            named = before in _BEFORE_NAMES and is_short(bare)
            yield word if named else _nft_word(bare) + word[len(bare) :]
            before = before if word in ("==", "!=") else word


def _nft_word(word: str) -> str:
    if word in _NFT_WORDS or is_number(word) or (word.startswith("@") and is_short(word[1:])):
        return word
    if "-" in word and all(is_number(end) for end in word.split("-", 2)):
        return word
    return OMITTED
