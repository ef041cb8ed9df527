"""What a run observes: the collectors of the list, each as soon as what it needs was looked for."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.collecting import Collecting, checked_section
from imds_probe.collect.collector import Collector, Join, Question
from imds_probe.collect.collectors import COLLECTORS, JOINS, QUESTIONS, SECTIONS
from imds_probe.collect.context import Context, RunRequest
from imds_probe.facts.facts import Facts
from imds_probe.facts.section import Section
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import Endpoints
from imds_probe.reading.reader import Reader
from imds_probe.system.privilege import privileged

ORDER = (*(each.id for each in COLLECTORS), *(each.id for each in QUESTIONS))


def observe(
    request: RunRequest,
    endpoints: Endpoints,
    catalog: Catalog,
    counter: RequestCounter,
    collecting: Collecting,
    *,
    reader: Reader,
) -> Facts:
    """Collect, put together, and ask what only some of what was found gives reason to ask."""
    context = Context(request, endpoints, catalog, counter, collecting.deadline, reader=reader)
    waiting = [each for each in COLLECTORS if _is_asked(each, request)]
    while waiting or collecting.working:
        # One that does not apply makes way for the next at once.
        while ready := _ready(waiting, collecting):
            for collector in ready:
                waiting.remove(collector)
                if _applies(collector, context, collecting):
                    collecting.begin(collector, lambda collector=collector: collector.collect(context))  # type: ignore[misc]
        _load(waiting, collecting)
        context.keep(collecting.ended().given)
    for join in JOINS:
        context.keep(_joined(join, context, collecting))
    found = {type(section): section for section in context.sections}
    facts = Facts(privileged(), (), tuple(found[kind] for kind in SECTIONS if kind in found))
    for question in () if request.image or request.confirms else QUESTIONS:
        facts = _asked(question, context, facts, collecting)
    return Facts(facts.privileged, collecting.runs((*ORDER, *(each.id for each in JOINS))), facts.sections)


def _is_asked(collector: Collector, request: RunRequest) -> bool:
    return (collector.of_image or not request.image) and (collector.confirms or not request.confirms)


def _load(waiting: Sequence[Collector], collecting: Collecting) -> None:
    """Import what those need that come later, while others work and mostly wait."""
    if any(each.aside for each in collecting.working if isinstance(each, Collector)):
        for module in (module for each in waiting for module in each.loads):
            with contextlib.suppress(Exception):  # who needs it says so
                importlib.import_module(module)


def _applies(collector: Collector, context: Context, collecting: Collecting) -> bool:
    try:
        return collector.applies(context)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is one collector's
        collecting.failed(collector.id, collector.without, error)
        return False


def _joined(join: Join, context: Context, collecting: Collecting) -> tuple[Section, ...]:
    try:
        section = join.join(context)
        return () if section is None else (checked_section(section, join.gives),)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is one section's
        collecting.failed(join.id, join.without, error)
        return ()


def _asked(question: Question, context: Context, facts: Facts, collecting: Collecting) -> Facts:
    """The facts with the answers; as they are where there is no reason to ask."""
    try:
        subjects = question.subjects(facts, context.catalog)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is one question's
        collecting.failed(question.id, question.without, error)
        return facts
    if not subjects:
        return facts
    collecting.begin(question, lambda: question.ask(context, facts, subjects))
    answers: list[object] = []
    while collecting.working:
        answers += collecting.ended().given
    return facts.with_(*(each for each in answers if isinstance(each, Section)))


def _ready(waiting: Sequence[Collector], collecting: Collecting) -> list[Collector]:
    """Those that need nothing that is still to come. Of those that do not mostly wait, one works at a time."""
    working = [each for each in collecting.working if isinstance(each, Collector)]
    to_come = {kind for each in (*waiting, *working) for kind in each.gives}
    ready = [each for each in waiting if not to_come.intersection(each.needs)]
    if waiting and not ready and not working:
        raise ValueError(f"these collectors wait for each other: {', '.join(each.id for each in waiting)}")
    first = next((each for each in ready if not each.aside), None)
    busy = any(not each.aside for each in working)
    return [each for each in ready if each.aside or (each is first and not busy)]
