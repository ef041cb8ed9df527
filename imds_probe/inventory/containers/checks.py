"""What an engine runs in a container again and again, to see whether it is well: HEALTHCHECK of Dockerfile(5), podman-run(1)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import field

from imds_probe.dataclass import dataclass

WORDS_MAX, WORDS_LENGTH_MAX = 200, 32 * 1024  # of a command line; all words together
USUAL_S = 30.0
SHELL = ("/bin/sh", "-c")
WHEN_CHECKED = "whenever the container's health is checked"


@dataclass(frozen=True)
class Check:
    """The command, and how often it is run. The words may be secrets."""

    words: tuple[str, ...] = field(repr=False)
    every_s: float = USUAL_S


def check_of(said: object, shell: tuple[str, ...] = SHELL) -> Check | None:
    """The check that a record has; None where it has none, or one that is switched off."""
    record = said if isinstance(said, dict) else {}
    words = words_of(record.get("Test"), shell)
    interval = record.get("Interval")
    is_number = isinstance(interval, int | float) and 0 < interval < 1e18
    return (
        Check(words, interval / 1e9 if is_number and isinstance(interval, int | float) else USUAL_S) if words else None
    )


def words_of(test: object, shell: tuple[str, ...] = SHELL) -> tuple[str, ...]:
    """A command as images, engines and Compose write it down: a list whose first word says how the others are run, or one text."""
    if isinstance(test, str):
        return (*shell, test) if test and test != "NONE" and len(test) <= WORDS_LENGTH_MAX else ()
    if not isinstance(test, list) or len(test) > WORDS_MAX:
        return ()
    words = tuple(each for each in test if isinstance(each, str))
    if len(words) < len(test) or not words or sum(map(len, words)) > WORDS_LENGTH_MAX or words[0] in ("", "NONE"):
        return ()
    if words[0] == "CMD-SHELL":
        return (*shell, " ".join(words[1:])) if any(words[1:]) else ()
    return words[1:] if words[0] == "CMD" else words


def words_of_option(text: str) -> tuple[str, ...]:
    """The same as podman takes it on a command line and in a unit file: a list in JSON, or a text for a shell."""
    if text.startswith("["):
        with contextlib.suppress(ValueError, RecursionError):
            return words_of(json.loads(text))
    return () if text.lower() == "none" else words_of(text)


def checks_of(config: Mapping[str, object]) -> Iterator[Check]:
    """Those of a container's configuration as Docker keeps it, with the shell that its image has."""
    shell = config.get("Shell")
    own = tuple(each for each in shell if isinstance(each, str)) if isinstance(shell, list) else ()
    if (check := check_of(config.get("Healthcheck"), own or SHELL)) is not None:
        yield check
