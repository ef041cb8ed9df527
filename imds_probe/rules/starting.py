"""What schedules will put into containers with networks of their own, and may ask the metadata service from there."""

from __future__ import annotations

from imds_probe.facts.code import OF_IMAGE, Code, CodeRead, CodeSeen, NotRead
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts, NotInReport
from imds_probe.inventory.images.image_names import whole_name


def starting(facts: Facts) -> tuple[CodeSeen | NotRead, ...]:
    """Code that asks, and what was not read. Not what is measured as it runs: a container of the same image in such a network."""
    try:
        code, read = facts[Code].code, facts.get(CodeRead)
    except NotInReport:  # the rules on code say so
        return ()
    asking: list[CodeSeen | NotRead] = [each for each in code if each.speaks != "mentions"]
    asking += read.not_read if read is not None else ()
    measured = _measured_images(facts)
    return tuple(
        each
        for each in asking
        if each.own_network and each.runs in ("scheduled", "boot") and _image(each) not in measured
    )


def _measured_images(facts: Facts) -> set[str]:
    return {
        whole_name(each.image)
        for each in facts[Containers].seen
        if each.image and each.network == "own" and each.reach and not each.sandbox
    }


def _image(each: CodeSeen | NotRead) -> str:
    """The image that it is in, by its whole name; empty where it is not said."""
    place = each.inside or (each.program if isinstance(each, NotRead) else "")
    return whole_name(place.removeprefix(OF_IMAGE)) if place.startswith(OF_IMAGE) else ""
