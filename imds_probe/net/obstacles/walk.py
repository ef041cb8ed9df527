"""Send a flow through the chains and note each rule that would drop, refuse or divert it.

Only what is reachable from a base chain counts. Base chains are judged each by itself: where two stand in the way,
both have to go. Which part of a flow is left after a rule is followed as exactly as a flow can say it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.facts.imds import Family
from imds_probe.net.obstacles.conditions import FieldIs, Judged, judge_all
from imds_probe.net.obstacles.flow import Flow, Surroundings, flows
from imds_probe.net.obstacles.ranges import only
from imds_probe.net.obstacles.ruleset import Chain, ChainKey, Rule

JUMPS_MAX = 16  # NFT_JUMP_STACK_SIZE in <linux/netfilter/nf_tables.h>
JUDGEMENTS_MAX = 400_000
SCOPES_MAX = 6
TTL_MAX = 255
TTL_LOW = 2  # the hop limits that are set in practice are 1 and 2
_ROOT = only(0)
STAGES = {"ingress": 0, "prerouting": 1, "input": 2, "forward": 2, "output": 2, "postrouting": 3, "egress": 4}


@dataclass(frozen=True)
class Hit:
    """A rule that a flow runs into; `rule` is None where it is the policy of the base chain."""

    base: Chain
    chain: Chain
    rule: Rule | None
    family: Family
    reply: bool
    certain: bool
    scope: tuple[str, ...]
    by_ttl: bool
    spares_root: bool = False  # the flow is of processes here, and none of them root's


@dataclass(frozen=True)
class _At:
    """The chain that is being walked, how many jumps deep, and what already went back to where it was called from."""

    chain: Chain
    depth: int
    returned: list[_Passing]


@dataclass(frozen=True)
class _Passing:
    """What is left of a flow. `doubtful`: an earlier rule may have taken it away."""

    flow: Flow
    scopes: tuple[str, ...] = ()
    doubtful: bool = False

    def within(self, judged: Judged) -> _Passing:
        return _Passing(judged.inside, _added(self.scopes, judged.scope), self.doubtful or judged.answer == "unclear")

    def without(self, judged: Judged) -> _Passing | None:
        """What goes on after a rule that ends the way of all that it matches."""
        if judged.answer == "yes":
            return None
        if judged.answer == "unclear":
            return replace(self, doubtful=True)
        return replace(self, flow=judged.outside or self.flow, scopes=_added(self.scopes, judged.others))


class Walk:
    """One pass over all base chains. `exhausted` says afterwards that it ended before everything was judged."""

    def __init__(self, chains: Iterable[Chain], here: Mapping[Family, Surroundings], *, deadline: float) -> None:
        self.exhausted = False
        self._chains = {chain.key: chain for chain in chains}
        self._here = here
        self._deadline = deadline  # time.monotonic()
        self._judgements = 0
        self._hits: dict[tuple[object, ...], Hit] = {}

    def hits(self) -> tuple[Hit, ...]:
        """Every rule that some of the traffic runs into, in the order in which packets meet them."""
        bases = [chain for chain in self._chains.values() if chain.hook in STAGES]
        bases.sort(key=lambda chain: (STAGES[chain.hook], chain.priority))
        marks: dict[tuple[Family, bool], int] = {}
        for base in bases:
            for family in base.families:
                for flow in flows(family, base.hook, self._here[family]):
                    if flow.reply and base.kind == "nat":
                        continue  # only the first packet of a connection sees nat chains: nft(8), chain types
                    side = family, flow.reply
                    marks[side] = self._through(base, replace(flow, marks=marks.get(side, 0)))
        return tuple(self._hits.values())

    def _through(self, base: Chain, flow: Flow) -> int:
        """Send a flow through one base chain; return the mark bits that it may have afterwards."""
        self._base, self._start = base, flow
        self._marks, self._ended, self._accepted = flow.marks, 0, False
        self._passed: dict[tuple[ChainKey, _Passing], _Passing | None] = {}
        # Frames that cross a bridge meet these chains; whether IP packets here do depends on how the host is wired.
        left = self._chain(base, _Passing(flow, doubtful=base.key[1] == "bridge"), 0)
        # A router lets through what it is meant to route: one fitting accept there makes its policy no news.
        spared = self._accepted and base.hook != "output"
        if left is not None and base.policy == "drop" and not spared and not self.exhausted:
            self._hit(base, None, replace(left, doubtful=True), by_ttl=False)
        return self._marks

    def _chain(self, chain: Chain, passing: _Passing, depth: int) -> _Passing | None:
        """Send what is left through a chain; return what comes back out of it, None where nothing does."""
        start = (chain.key, passing)
        if start in self._passed:
            return self._passed[start]
        here: _Passing | None = passing
        at = _At(chain, depth, [])
        ended = self._ended
        for rule in chain.rules:
            if here is None or self._spent():
                break
            judged = judge_all(rule.conditions, here.flow)
            if judged.answer != "no":
                here = self._apply(rule, here, judged, at)
        back = [*at.returned, here] if here is not None else at.returned
        result = back[0] if len(back) == 1 else None
        if len(back) > 1:  # no one flow says exactly what came back: take what went in, and doubt it
            doubtful = any(part.doubtful for part in back) or self._ended != ended
            result = _Passing(replace(passing.flow, marks=self._marks), passing.scopes, doubtful)
        self._passed[start] = result
        return result

    def _apply(self, rule: Rule, here: _Passing, judged: Judged, at: _At) -> _Passing | None:
        """Do to what a rule matches what the rule does; return what goes on to the next rule of the chain."""
        inside = here.within(judged)
        match rule.action.kind:
            case "accept":
                self._ended += 1
                self._accepted = True
                return here.without(judged)
            case "drop" | "reject" | "redirect":
                self._ended += 1
                self._hit(at.chain, rule, inside, by_ttl=self._is_by_ttl(rule, inside.flow))
                return here.without(judged)
            case "return":
                at.returned.append(inside)
                return here.without(judged)
            case "mark":
                self._marks |= rule.action.number
                return replace(here, flow=replace(here.flow, marks=here.flow.marks | rule.action.number))
            case "ttl":
                if here.flow.reply:
                    low = rule.action.number <= TTL_LOW
                    self._hit(at.chain, rule, replace(inside, doubtful=True) if low else inside, by_ttl=low)
                surely = judged.answer == "yes"
                return replace(here, flow=replace(here.flow, ttl=only(rule.action.number))) if surely else here
            case "ttl-add":
                if here.flow.reply:
                    self._hit(at.chain, rule, inside, by_ttl=False)
                if rule.action.number < 0:  # what is low afterwards may be any
                    return here
                raised = here.flow.ttl.raised(rule.action.number, TTL_MAX)
                return replace(here, flow=replace(here.flow, ttl=raised)) if judged.answer == "yes" else here
            case "pass":
                return here
            case "elsewhere":
                return replace(here, doubtful=True)
            case "jump" | "goto":
                return self._jump(rule, here, judged, at)

    def _jump(self, rule: Rule, here: _Passing, judged: Judged, at: _At) -> _Passing | None:
        target = self._chains.get((*at.chain.key[:3], rule.action.to))
        if target is None or at.depth >= JUMPS_MAX:
            return replace(here, doubtful=True)
        ended = self._ended
        back = self._chain(target, here.within(judged), at.depth + 1)
        if rule.action.kind == "goto":  # the end of that chain leads back to where this one was called from
            if back is not None:
                at.returned.append(back)
            return here.without(judged)
        if back is None or judged.answer == "yes":
            return here.without(judged) if back is None else back
        here = replace(here, flow=replace(here.flow, marks=self._marks))
        return here if self._ended == ended else replace(here, doubtful=True)

    def _hit(self, chain: Chain, rule: Rule | None, inside: _Passing, *, by_ttl: bool) -> None:
        flow, certain = inside.flow, not inside.doubtful
        # Frames that are passed on leave a bridge through its own hook of that name.
        if self._base.hook == "output" and flow.reply and self._base.key[1] != "bridge":
            if not by_ttl:
                return
            certain = False  # replies leave here only where something in this namespace answers for the service
        known = (self._base.key, chain.key, id(rule), flow.family, flow.reply)
        spares = self._base.hook == "output" and not flow.reply and not _may_be_roots(flow)
        hit = Hit(self._base, chain, rule, flow.family, flow.reply, certain, inside.scopes, by_ttl, spares)
        earlier = self._hits.get(known)
        if earlier is not None and earlier.spares_root != spares:
            earlier = replace(earlier, spares_root=False)
            self._hits[known], hit = earlier, replace(hit, spares_root=False)
        if earlier is None or (certain and not earlier.certain):
            self._hits[known] = hit

    def _is_by_ttl(self, rule: Rule, flow: Flow) -> bool:
        """Whether the rule, or what earlier rules left for it, picks packets by a low TTL."""
        if any(isinstance(condition, FieldIs) and condition.field == "ttl" for condition in rule.conditions):
            return True
        return flow.ttl.spans[-1][1] < self._start.ttl.spans[-1][1]

    def _spent(self) -> bool:
        self._judgements += 1
        if self._judgements >= JUDGEMENTS_MAX or (self._judgements % 256 == 0 and time.monotonic() > self._deadline):
            self.exhausted = True
        return self.exhausted


def _may_be_roots(flow: Flow) -> bool:
    return all(_ROOT.touches(ids) for ids in (flow.uid, flow.gid))


def _added(scopes: tuple[str, ...], scope: str) -> tuple[str, ...]:
    if not scope or scope in scopes or len(scopes) > SCOPES_MAX:
        return scopes
    return (*scopes, scope if len(scopes) < SCOPES_MAX else "and more")
