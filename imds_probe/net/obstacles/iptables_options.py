"""The matches of one rule in iptables' words, as conditions: iptables(8), iptables-extensions(8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.facts.imds import Family
from imds_probe.net.obstacles.conditions import (
    AnyOf,
    Condition,
    DestinationTypeIs,
    FieldIs,
    InterfaceIs,
    MarkIs,
    Never,
    NumberField,
    StateIs,
    TcpFlagsAre,
    Unclear,
)
from imds_probe.net.obstacles.flow import ACK, SYN, TCP, named
from imds_probe.net.obstacles.ranges import Ranges, between, network, only

_PROTOCOLS = {"tcp": TCP, "6": TCP}
_FLAGS = {"FIN": 1, "SYN": SYN, "RST": 4, "PSH": 8, "ACK": ACK, "URG": 32, "NONE": 0, "ALL": 63}
# Matches whose options are all read below; whatever else is loaded with -m cannot be judged from here.
_READ = frozenset(
    ("tcp", "udp", "multiport", "comment", "owner", "ttl", "hl", "conntrack", "state", "mark", "addrtype", "iprange")
)
_TARGET_OPTIONS_START = frozenset(("-j", "--jump", "-g", "--goto"))


@dataclass(frozen=True)
class Word:
    """One word of a rule. A quoted one is a value, whatever it looks like."""

    text: str
    quoted: bool = False

    @property
    def is_option(self) -> bool:
        return not self.quoted and len(self.text) > 1 and self.text[0] == "-" and not self.text[1].isdigit()


@dataclass
class Parsed:
    """A rule's conditions and its target with the options that belong to it."""

    conditions: list[Condition] = field(default_factory=list)
    target: str = ""
    goto: bool = False
    target_options: dict[str, str] = field(default_factory=dict)


def parse(words: list[Word], family: Family) -> Parsed:
    """Read the words after `-A CHAIN`. What is not known becomes an Unclear condition, never an error."""
    parsed = Parsed()
    module = ""
    at = 0
    while at < len(words):
        negated = not words[at].quoted and words[at].text == "!"
        at += negated
        option = words[at].text if at < len(words) else ""
        values: list[str] = []
        at += 1
        while at < len(words) and not words[at].is_option and (words[at].quoted or words[at].text != "!"):
            values.append(words[at].text)
            at += 1
        if parsed.target:
            parsed.target_options[option] = " ".join(values)
        elif option in _TARGET_OPTIONS_START:
            parsed.target, parsed.goto = (values or [""])[0], option in ("-g", "--goto")
        elif option in ("-m", "--match"):
            module = (values or [""])[0]
            if module not in _READ:
                parsed.conditions.append(Unclear(f"-m {module}"))
        elif option != "--comment" and (module in _READ or not option.startswith("--")):
            parsed.conditions.append(_condition(option, values, negated, module, family))
    return parsed


def _condition(option: str, values: list[str], negated: bool, module: str, family: Family) -> Condition:
    text = " ".join(values)
    try:
        if option in ("-i", "--in-interface", "-o", "--out-interface"):
            return InterfaceIs("iif" if option in ("-i", "--in-interface") else "oif", named(values), negated)
        if option in _NUMBERS:
            name, reader = _NUMBERS[option]
            return FieldIs(name, reader(text), f"{_COMPARED.get(option[-3:], '')}{text}", negated)
        if option in _OTHERS and option != "--mark":
            return _OTHERS[option](values, negated)
        if option == "--mark" and module == "mark":
            value, _, mask = text.partition("/")
            return MarkIs(int(value, 0), int(mask or "0xffffffff", 0), negated)
        if option == "--ports":
            numbers = _ports(text)
            return AnyOf(((FieldIs("dport", numbers, text),), (FieldIs("sport", numbers, text),)), negated)
    except (ValueError, KeyError, IndexError):
        return Unclear(f"{option} {text}")
    return Unclear(f"{option} {text}".strip())


def _ports(text: str) -> Ranges:
    spans = []
    for part in text.split(","):
        low, colon, high = part.partition(":")
        spans.append((int(low or 0), int(high or 65535) if colon else int(low)))
    return Ranges.of(spans)


def _ids(text: str) -> Ranges:
    low, dash, high = text.partition("-")
    return Ranges.of([(int(low), int(high) if dash else int(low))])


def _addresses(text: str) -> Ranges:
    return Ranges.of(span for part in text.split(",") for span in network(part).spans)


def _address_range(text: str) -> Ranges:
    low, _, high = text.partition("-")
    return between(low, high or low)


def _protocol(text: str) -> Ranges:
    if text in ("all", "0"):
        return Ranges(((0, 255),))
    return only(_PROTOCOLS.get(text, -1))  # whichever other protocol it is, this traffic has none of it


def _flag_bits(text: str) -> int:
    bits = 0
    for name in text.split(","):
        bits |= _FLAGS[name]
    return bits


_NUMBERS: dict[str, tuple[NumberField, Callable[[str], Ranges]]] = {
    "-s": ("saddr", _addresses),
    "--source": ("saddr", _addresses),
    "-d": ("daddr", _addresses),
    "--destination": ("daddr", _addresses),
    "--src-range": ("saddr", _address_range),
    "--dst-range": ("daddr", _address_range),
    "-p": ("proto", _protocol),
    "--protocol": ("proto", _protocol),
    "--sport": ("sport", _ports),
    "--source-port": ("sport", _ports),
    "--sports": ("sport", _ports),
    "--dport": ("dport", _ports),
    "--destination-port": ("dport", _ports),
    "--dports": ("dport", _ports),
    "--uid-owner": ("uid", _ids),
    "--gid-owner": ("gid", _ids),
}
_COMPARED = {"-lt": "< ", "-gt": "> "}
for _prefix in ("ttl", "hl"):
    _NUMBERS[f"--{_prefix}-eq"] = ("ttl", lambda text: only(int(text)))
    _NUMBERS[f"--{_prefix}-lt"] = ("ttl", lambda text: Ranges.of([(0, int(text) - 1)]))
    _NUMBERS[f"--{_prefix}-gt"] = ("ttl", lambda text: Ranges.of([(int(text) + 1, 255)]))

_OTHERS: dict[str, Callable[[list[str], bool], Condition]] = {
    "--ctstate": lambda values, negated: StateIs(frozenset(values[0].lower().split(",")), negated),
    "--state": lambda values, negated: StateIs(frozenset(values[0].lower().split(",")), negated),
    "--dst-type": lambda values, negated: DestinationTypeIs(frozenset(values[0].lower().split(",")), negated),
    "--tcp-flags": lambda values, negated: TcpFlagsAre(_flag_bits(values[1]), _flag_bits(values[0]), negated),
    "--syn": lambda _, negated: TcpFlagsAre(SYN, 1 | SYN | 4 | ACK, negated),
    "-f": lambda _, negated: Never(negated),
    "--fragment": lambda _, negated: Never(negated),
}
