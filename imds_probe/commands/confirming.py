"""`imds-probe run --confirm`: whether the verdict of a stored report still holds, in a moment."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from imds_probe import exitcodes
from imds_probe.commands.judge import content, parsed
from imds_probe.commands.messages import report_bug
from imds_probe.commands.report_output import written
from imds_probe.errors import UsageError
from imds_probe.escape import terminal
from imds_probe.timestamp import rfc3339

if TYPE_CHECKING:
    from imds_probe.collect.context import RunRequest
    from imds_probe.confirmation import Confirmation
    from imds_probe.reading.reader import Reader
    from imds_probe.report_document import Stored

SCHEMA = "imds-probe.confirmation/v1"
LIMIT_BYTES = 2000
WHAT_BYTES, CHANGES_MAX, SHOWN_MAX = 200, 200, 20
# The options of collectors that change how the same is looked at, and not what is looked for.
ALONG = ("--no-v1-probe", "--assume-ec2", "--control-plane", "--full-command-lines", "--no-code")


def _check(args: argparse.Namespace, given: Sequence[str]) -> None:
    """Raises UsageError for options that mean nothing here."""
    own = {
        "--image": args.image,
        "--only": args.only,
        "--skip": args.skip,
        "--report": args.report,
        "--keep": args.keep,
    }
    others = [*(flag for flag, value in own.items() if value), *(flag for flag in given if flag not in ALONG)]
    if others:
        raise UsageError(f"--confirm does not go together with {', '.join(others)}", "Leave these options out.")
    if args.output == "html":
        raise UsageError("--confirm has no --output html", "Choose text, json or summary.")


def stored_report(args: argparse.Namespace, given: Sequence[str]) -> Stored | None:
    """The report to be confirmed, None where none is. `given` are the options of collectors. Raises UsageError."""
    from imds_probe.report_document import read  # noqa: PLC0415

    if args.confirm is None:
        return None
    _check(args, given)
    try:
        return read(parsed(content(args.confirm)))
    except UsageError as error:
        raise UsageError(f"--confirm {args.confirm}: {error.problem}", error.remedy) from None


def confirm(args: argparse.Namespace, stored: Stored, request: RunRequest, reader: Reader) -> int:
    """Look, print, and return the exit code. Raises UsageError for a report of another host, or a damaged one."""
    from imds_probe.assessment import look_again  # noqa: PLC0415
    from imds_probe.catalog.catalog import Catalog  # noqa: PLC0415
    from imds_probe.confirmation import Confirmation, confirmed, unusable  # noqa: PLC0415

    now = rfc3339(time.time())
    try:
        if why := unusable(stored, now):
            came = Confirmation((why,))
        else:
            facts = look_again(request, reader, bug=report_bug)
            came = confirmed(stored, facts, now, Catalog.load(request.catalogs), report_bug)
    except UsageError as error:
        raise UsageError(f"--confirm {args.confirm}: {error.problem}", error.remedy) from None
    if args.output == "text":
        document = "".join(f"{line}\n" for line in in_words(stored, came))
    else:
        document = _json(stored, came, now, one_line=args.output == "summary") + "\n"
    not_written = written(document, args.out)
    if not_written is not None and not not_written.reader_left:
        raise not_written
    return exitcodes.READY if came.holds or args.exit_zero else exitcodes.UNKNOWN


def in_words(stored: Stored, came: Confirmation) -> Iterator[str]:
    """The result as lines of text."""
    from imds_probe.confirmation import NEW_RUN  # noqa: PLC0415

    verdict, reported = stored.verdict, f"reported {stored.probe.started_at}"
    if came.holds:
        yield f"The verdict holds: {verdict.state}, confidence {verdict.confidence}, {reported}."
        yield f"It is valid until {verdict.valid_until}, unless something changes."
        return
    yield f"The verdict {verdict.state}, {reported}, no longer holds:"
    said = [*came.reasons, *(change.what for change in came.changes)]
    yield from (terminal(f"  {each}") for each in said[:SHOWN_MAX])
    if len(said) > SHOWN_MAX:
        yield f"  and {len(said) - SHOWN_MAX} more, which --output json has"
    yield NEW_RUN


def _json(stored: Stored, came: Confirmation, now: str, *, one_line: bool) -> str:
    from imds_probe.confirmation import instance_id  # noqa: PLC0415
    from imds_probe.facts.imds import Imds  # noqa: PLC0415
    from imds_probe.facts.section import plain  # noqa: PLC0415
    from imds_probe.render.one_line import cut, fitted  # noqa: PLC0415

    verdict, imds = stored.verdict, stored.facts.get(Imds)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "holds": came.holds,
        "verdict": verdict.state,
        "confidence": verdict.confidence,
        "tokens": imds.tokens if imds else None,
        "hop_limit": imds.hop_limit if imds else None,
        "hop_limit_needed": verdict.switch.hop_limit_needed if verdict.switch else None,
        "valid_until": verdict.valid_until,
        "digest": verdict.digest,
        "instance_id": instance_id(stored.facts),
        "started_at": stored.probe.started_at,
        "confirmed_at": now,
        "run_id": stored.probe.run_id,
        "probe_version": stored.probe.version,
        "reasons": list(came.reasons),
    }
    changes = plain(came.changes)
    if not one_line:
        return json.dumps(document | {"changes": changes}, indent=2, ensure_ascii=True)
    short = {name: cut(value, 80) if isinstance(value, str) else value for name, value in document.items()}
    short["reasons"] = [cut(each, WHAT_BYTES) for each in came.reasons[:3]]
    few = [each | {"what": cut(each["what"], WHAT_BYTES)} for each in changes[:CHANGES_MAX]]
    return fitted(short, "changes", few, LIMIT_BYTES, beside=len(changes) - len(few))
