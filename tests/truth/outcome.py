"""What a case shows: verdict beside truth, classified; and the table of many cases.

    right       what had to be said: "ready" where nothing breaks by the switch as the hop limit is, "needs-hop-limit" where
                a higher one keeps everything working, else "not-ready". The programs say so, run against the service
    classes     a verdict is true or false by what the switch that it printed did: see `classify`
    broke       a client that worked before the switch does not work after it
    lacks       a client does not work after it, whether it worked before or not

An outcome is a JSON object; one that could not be had has `not_run` and nothing else beside its case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

MODES = ("plain", "watch")
CLASSES = (
    *("true ready", "FALSE ready", "true not-ready", "FALSE not-ready"),
    *("true needs-hop-limit", "FALSE needs-hop-limit", "unknown"),
)
Outcome = Mapping[str, Any]


def classify(verdict: str, *, broke: bool, broke_unchanged: bool, cured: bool = False) -> str:
    """`broke`: by the switch as it was printed. `broke_unchanged`: with tokens required and the hop limit as it was. `cured`: a
    client that never worked does by the number that was printed.
    """
    match verdict:
        case "ready":
            return "FALSE ready" if broke else "true ready"
        case "not-ready":
            return "true not-ready" if broke else "FALSE not-ready"
        case "needs-hop-limit":
            # It promises that the number cures it, and that without it something that asks has no metadata.
            return "true needs-hop-limit" if (broke_unchanged or cured) and not broke else "FALSE needs-hop-limit"
    return "unknown"


def right(broke_by_limit: Mapping[int, bool], limit: int) -> str:
    """What had to be said, by which hop limits something broke under; `limit` is the one that was found."""
    if not broke_by_limit[limit]:
        return "ready"
    if any(not broke for tried, broke in broke_by_limit.items() if tried > limit):
        return "needs-hop-limit"
    return "not-ready"


def classes(outcome: Outcome) -> dict[str, str]:
    """The class by mode; "not run" for a case that could not be had."""
    if "not_run" in outcome:
        return dict.fromkeys(MODES, "not run")
    switched = {int(limit): each for limit, each in outcome["switched"].items()}
    unchanged = switched[outcome["limit"]]
    found = {}
    for mode in MODES:
        printed = switched[outcome[mode]["limit"]]
        found[mode] = classify(
            outcome[mode]["verdict"],
            broke=printed["broke"],
            broke_unchanged=unchanged["broke"],
            cured=unchanged.get("lacks", False) and not printed.get("lacks", True),
        )
    return found


def expectations(outcomes: Iterable[Outcome]) -> dict[str, dict[str, str]]:
    """What a later run is held to: the classes of each case, and what had to be said."""
    return {
        outcome["case"]: classes(outcome) | {"right": outcome.get("right", "not run")}
        for outcome in sorted(outcomes, key=lambda each: each["case"])
    }


def differences(outcomes: Iterable[Outcome], expected: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A line for each case whose classes are not the expected ones, and for each that only one side has."""
    found = expectations(outcomes)
    lines = []
    for case in sorted({*found, *expected}):
        now, then = found.get(case), expected.get(case)
        if now is None or then is None:
            lines.append(f"{case}: {'is not expected' if then is None else 'was not looked at'}")
            continue
        lines += [
            f"{case}, {name}: {then.get(name, 'nothing')} was expected, it is {now[name]}"
            for name in now
            if now[name] != then.get(name)
        ]
    return lines


def table(outcomes: Iterable[Outcome]) -> str:
    """For people: how many of each class by mode, what unknown rests on, what is false, and what was not run."""
    outcomes = sorted(outcomes, key=lambda each: each["case"])
    run = [each for each in outcomes if "not_run" not in each]
    counted = {mode: Counter(classes(each)[mode] for each in run) for mode in MODES}
    lines = [f"{len(run)} cases were run, {len(outcomes) - len(run)} were not", ""]
    lines.append(f"{'':24}" + "".join(f"{name:>14}" for name in ("without watch", "with watch")))
    lines += [f"{name:24}" + "".join(f"{counted[mode][name]:14}" for mode in MODES) for name in CLASSES]
    said = {mode: sum(each[mode]["verdict"] == each["right"] for each in run) for mode in MODES}
    lines.append(f"{'what had to be said':24}" + "".join(f"{said[mode]:14}" for mode in MODES))
    lines += ["", "unknown, by what implies it"]
    reasons = {mode: Counter(reason for each in run for reason in each[mode]["unknown"]) for mode in MODES}
    lines += [
        f"{name:24}" + "".join(f"{reasons[mode][name]:14}" for mode in MODES)
        for name in sorted({*reasons["plain"], *reasons["watch"]})
    ]
    lines += ["", "not what had to be said, by case: without watch, with watch, what had to be said"]
    lines += [
        f"  {each['case']}: {', '.join(classes(each).values())}; {each['right']}"
        for each in run
        if any(each[mode]["verdict"] != each["right"] for mode in MODES)
    ]
    if odd := [each["case"] for each in run if each.get("disagree")]:
        lines += ["", "what the program printed and what the service's log has do not agree", *(f"  {x}" for x in odd)]
    if missing := [each for each in outcomes if "not_run" in each]:
        lines += ["", "not run", *(f"  {each['case']}: {each['not_run']}" for each in missing)]
    return "\n".join(lines)
