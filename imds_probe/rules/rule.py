"""What a rule is: a pure function from facts to what it finds, with a name and the kinds of findings that it can make."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.dataclass import dataclass
from imds_probe.facts.facts import Facts
from imds_probe.findings import Finding, Found, Kind


@dataclass(frozen=True)
class NothingToJudge:
    """The rule does not apply to these facts; `reason` is printed as it is."""

    reason: str


Find = Callable[[Facts, Catalog], list[Found] | NothingToJudge]
# What the others found, and all kinds that there are; gives their findings as they count, and what it finds itself.
Review = Callable[[Sequence[Finding], Facts, Sequence[Kind]], tuple[list[Finding], list[Found]]]


@dataclass(frozen=True)
class Rule:
    """One rule family. `find` never touches the system. `kinds` are all that it can find, in the order in which
    `imds-probe explain` lists them. A rule with a `review` also looks at what the rules before it found.
    """

    id: str
    find: Find
    kinds: tuple[Kind, ...]
    review: Review | None = None

    def judge(self, facts: Facts, catalog: Catalog) -> list[Finding] | NothingToJudge:
        """The findings on these facts. No finding is made whose kind the rule does not list, as nobody could look up
        what it means, nor one that implies "unknown" and does not say what would settle it.
        """
        found = self.find(facts, catalog)
        if isinstance(found, NothingToJudge):
            return found
        return self._named(found)

    def reviewed(
        self, findings: Sequence[Finding], facts: Facts, kinds: Sequence[Kind]
    ) -> tuple[list[Finding], list[Finding]]:
        """The findings of the rules before it, as they count, and its own on them."""
        if self.review is None:
            return list(findings), []
        counting, found = self.review(findings, facts, kinds)
        return counting, self._named(found)

    def _named(self, found: Sequence[Found]) -> list[Finding]:
        for each in found:
            if each.kind not in self.kinds:
                raise LookupError(f"rule {self.id} does not list the kind {each.kind.id}")
            if each.implies == "unknown" and not each.settled_by:
                raise LookupError(f"rule {self.id} does not say what settles a finding of the kind {each.kind.id}")
        return [each.by(self.id) for each in found]
