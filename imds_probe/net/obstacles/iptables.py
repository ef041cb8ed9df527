"""Rules as iptables-save and ip6tables-save print them, for the legacy tables and for those kept in nftables."""

from __future__ import annotations

import re

from imds_probe.facts.imds import Family
from imds_probe.net.obstacles.flow import EVERY_MARK
from imds_probe.net.obstacles.iptables_options import Parsed, Word, parse
from imds_probe.net.obstacles.iptables_quoting import iptables_rule
from imds_probe.net.obstacles.ruleset import Action, Chain, ChainKey, Rule

BY_NFT = b"(nf_tables)"  # stands in the first line of what a save program prints that reads nftables
LINES_MAX = 100_000
LINE_MAX = 4096  # of a rule that is quoted

# Priorities of the built-in chains: <linux/netfilter_ipv4.h>, enum nf_ip_hook_priorities.
_PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
_TTL = re.compile(r"[0-9]{1,3}")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.DOTALL)
# They let the packet go on, or change only where it says it comes from.
_HARMLESS = frozenset(
    (
        *("LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "CT", "NOTRACK", "TCPMSS", "TCPOPTSTRIP", "CHECKSUM", "CLASSIFY"),
        *("SET", "DSCP", "TOS", "SECMARK", "CONNSECMARK", "RATEEST", "TEE", "LED", "IDLETIMER"),
    )
)


def chains(saved: bytes, tool: str, family: Family) -> dict[ChainKey, Chain]:
    """All chains, with one rule for each line. The key's family is "" for the legacy tables, as the tool says it."""
    nft_family = ("ip" if family == "ipv4" else "ip6") if tool == "nftables" else ""
    found: dict[ChainKey, Chain] = {}
    table = ""
    for line in _lines(saved.decode(errors="replace")):
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(":"):
            name, _, rest = line[1:].partition(" ")
            key = (tool, nft_family, table, name)
            found[key] = _chain(key, family, policy=rest.split(" ")[0])
        elif line.startswith("-A "):
            words = _words(line)
            key = (tool, nft_family, table, words[1].text if len(words) > 1 else "")
            if key in found and len(words) > 1:
                found[key].rules.append(_rule(line, parse(words[2:], family), found, key))
    return found


def quoted(line: str) -> str:
    """One rule as far as it is quoted."""
    return iptables_rule(_words(line[:LINE_MAX]))


def _words(line: str) -> list[Word]:
    return [Word(_plain(m[1]), quoted=True) if m[2] is None else Word(m[2]) for m in _WORD.finditer(line)]


def _chain(key: ChainKey, family: Family, policy: str) -> Chain:
    table, name = key[2:]
    built_in = policy != "-" and name.lower() in _HOOKS
    return Chain(
        key,
        (family,),
        hook=name.lower() if built_in else "",
        priority=_PRIORITIES.get(table, 0),
        policy="drop" if policy == "DROP" else "accept",
        kind="nat" if table == "nat" else "filter",
    )


def _rule(line: str, parsed: Parsed, chains_here: dict[ChainKey, Chain], at: ChainKey) -> Rule:
    return Rule(tuple(parsed.conditions), _action(parsed, (*at[:3], parsed.target) in chains_here), line)


def _action(parsed: Parsed, to_a_chain: bool) -> Action:
    target, options = parsed.target, parsed.target_options
    if to_a_chain:
        return Action("goto" if parsed.goto else "jump", target)
    match target:
        case "ACCEPT" | "SNAT" | "MASQUERADE":
            return Action("accept")
        case "DROP":
            return Action("drop")
        case "REJECT":
            return Action("reject")
        case "RETURN":
            return Action("return")
        case "DNAT" | "NETMAP":
            return Action("redirect", options.get("--to-destination", options.get("--to", "")))
        case "REDIRECT":
            return Action("redirect", f":{options['--to-ports']}" if "--to-ports" in options else "")
        case "TPROXY":
            address = options.get("--on-ip", "")
            return Action("redirect", f"{'' if address == '0.0.0.0' else address}:{options.get('--on-port', '')}")  # noqa: S104
        case "MARK" | "CONNMARK":
            return _marking(target, options)
        case "TTL" | "HL":
            prefix = "ttl" if target == "TTL" else "hl"
            number = options.get(f"--{prefix}-set", "")
            for option, sign in (("inc", 1), ("dec", -1)):
                added = options.get(f"--{prefix}-{option}", "")
                if _TTL.fullmatch(added):
                    return Action("ttl-add", number=sign * int(added))
            return Action("ttl", number=int(number)) if _TTL.fullmatch(number) else Action("pass")
    return Action("pass" if not target or target in _HARMLESS else "elsewhere")


def _marking(target: str, options: dict[str, str]) -> Action:
    """The bits of the packet mark that may be set afterwards."""
    if target == "CONNMARK":
        if "--restore-mark" not in options:
            return Action("pass")  # only the connection's mark changes
        return Action("mark", number=_number(options.get("--nfmask", "")))
    for option in ("--set-xmark", "--set-mark", "--or-mark", "--xor-mark"):
        if option in options:
            return Action("mark", number=_number(options[option].partition("/")[0]))
    return Action("pass" if "--and-mark" in options else "mark", number=EVERY_MARK)


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        return EVERY_MARK


def _plain(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)


def _lines(text: str) -> list[str]:
    """Lines, put together where a quoted comment spans several: its second line could read like a rule."""
    lines: list[str] = []
    pending: list[str] = []
    within = False
    for line in text.split("\n")[:LINES_MAX]:
        pending.append(line)
        within ^= '"' in line and _quotation_marks(line) % 2 == 1
        if not within:
            lines.append("\n".join(pending))
            pending.clear()
    return lines


def _quotation_marks(line: str) -> int:
    """Those that have no backslash before them, which is not itself behind one."""
    return line.replace("\\\\", "").replace('\\"', "").count('"')
