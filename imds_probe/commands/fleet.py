"""`imds-probe fleet`: many reports into one picture, and the plan of the switch."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from imds_probe import exitcodes
from imds_probe.commands.options import add_output, duration
from imds_probe.errors import UsageError

if TYPE_CHECKING:
    from imds_probe.fleet.comparing import Before
    from imds_probe.fleet.gathering import Gathered
    from imds_probe.fleet.instances import Instance, Listed
    from imds_probe.fleet.launching import Launching
    from imds_probe.fleet.trail import Uses
    from imds_probe.render.page.blocks import Page

PLAN = "plan"
WORDS = (PLAN,)  # each makes a command of its own of `imds-probe fleet`
DEFAULT_BY = ("owner",)
OF_PLAN = ("canaries", "batch", "confidence", "raise_hop_limit", "without_accepted")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="files and directories with reports, in whatever form they were stored (JSON, NDJSON, gzip, exports of CloudWatch "
        "Logs, SSM inventory); - for standard input. `imds-probe fleet plan PATH` prints batches of hosts that can be switched now",
    )
    add_output(
        parser,
        ("text", "json", "csv", "ndjson", "html"),
        "print the picture in words, as JSON or as a page for a browser, or print a row for each host (text)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write to FILE instead of standard output")
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="KEY,...",
        help="group hosts by account, region, owner, ami, os, type or tag:NAME (owner)",
    )
    parser.add_argument(
        "--instances",
        action="append",
        default=[],
        metavar="FILE",
        help="the output of `aws ec2 describe-instances`: the picture also names hosts without a report, and hosts "
        "that have changed since their report; may be repeated",
    )
    parser.add_argument(
        "--ec2",
        action="store_true",
        help="ask EC2 and Auto Scaling with your own credentials, as the AWS CLI finds them, for the existing instances and "
        "for the groups and templates that launch the next ones; the policy is packaging/iam/fleet-reader.json",
    )
    parser.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="REGION",
        help="ask in this Region; `all` stands for each Region that the account has enabled; may be repeated (the Region of the "
        "AWS configuration)",
    )
    parser.add_argument("--profile", metavar="NAME", help="a profile of the AWS configuration")
    parser.add_argument(
        "--since", type=Path, metavar="FILE", help="compare with an earlier picture, which was written as JSON"
    )
    parser.add_argument(
        "--cloudtrail",
        action="append",
        default=[],
        metavar="FILE",
        help="the CSV of an Athena query for calls with credentials that IMDSv1 delivered: names roles and instances that still "
        "use them; may be repeated",
    )
    parser.add_argument(
        "--max-age",
        type=duration,
        default=7 * 86400.0,
        metavar="DURATION",
        help="treat older reports as stale, and leave their hosts out of the plan (7d)",
    )
    planning = parser.add_argument_group("plan")
    planning.add_argument("--canaries", type=_count, metavar="N", help="switch N hosts of each owner first (1)")
    planning.add_argument("--batch", type=_count, metavar="N", help="put at most N hosts into each later batch (50)")
    planning.add_argument(
        "--confidence", choices=("low", "medium", "high"), help="leave out verdicts of less confidence (low)"
    )
    planning.add_argument(
        "--raise-hop-limit", action="store_true", default=None, help="take hosts that need a higher hop limit, too"
    )
    planning.add_argument(
        "--without-accepted",
        action="store_true",
        default=None,
        help="leave out hosts that can be switched only because risks are accepted",
    )
    parser.add_argument(
        "--jobs", type=_count, default=0, metavar="N", help="read with N processes (one for each processor)"
    )


def run(args: argparse.Namespace) -> int:
    is_plan = args.word == PLAN
    _check(args, is_plan=is_plan)
    from imds_probe.commands.progress import Progress  # noqa: PLC0415
    from imds_probe.commands.report_output import written  # noqa: PLC0415
    from imds_probe.fleet import rows  # noqa: PLC0415
    from imds_probe.fleet.gathering import gathered  # noqa: PLC0415
    from imds_probe.fleet.grouping import keys, tags_of  # noqa: PLC0415
    from imds_probe.fleet.instances import described  # noqa: PLC0415
    from imds_probe.fleet.trail import uses  # noqa: PLC0415

    by = keys(args.by) or DEFAULT_BY
    if tags_of(by) and not (args.instances or args.ec2):
        raise UsageError("reports have no tags", "Name the output of `aws ec2 describe-instances` as --instances.")
    instances = described(args.instances, tags_of(by)) if args.instances else None
    launching = None
    if args.ec2:
        instances, launching = _asked(args, tags_of(by), instances)
    before = _before(args.since)
    used = uses(args.cloudtrail) if args.cloudtrail else None
    with Progress() as progress:
        found = gathered(args.paths, time.time(), args.jobs, progress.count)
    _check_any(found, args.paths)
    if is_plan:
        document = _plan(args, found, instances, used, launching)
    elif args.output == "csv":
        document = rows.as_csv(rows.rows(found, by, instances))
    elif args.output == "ndjson":
        document = rows.as_ndjson(rows.rows(found, by, instances))
    else:
        document = _picture(args, found, by=by, instances=instances, before=before, used=used, launching=launching)
    if failed := written(document, args.out):
        raise failed
    return exitcodes.READY


def _check(args: argparse.Namespace, *, is_plan: bool) -> None:
    """Raise UsageError where options do not go together."""
    of_plan = [name for name in OF_PLAN if getattr(args, name) is not None]
    if not is_plan and PLAN in args.paths and not os.path.lexists(PLAN):
        raise UsageError("plan stands behind an option or a path", "Put it first: `imds-probe fleet plan PATH`.")
    if is_plan and (args.output not in ("text", "json") or args.since or args.by):
        raise UsageError(
            "fleet plan takes neither --since nor --by, and prints text or json", "Leave the other options out."
        )
    if (args.region or args.profile) and not args.ec2:
        raise UsageError("--region and --profile say how EC2 is asked", "Give --ec2, too.")
    if of_plan and not is_plan:
        raise UsageError(
            f"--{of_plan[0].replace('_', '-')} is an option of `imds-probe fleet plan`", "Put plan before the path."
        )


def _plan(
    args: argparse.Namespace,
    found: Gathered,
    instances: dict[str, Instance] | None,
    used: Uses | None,
    launching: Launching | None,
) -> str:
    from imds_probe.facts.section import plain  # noqa: PLC0415
    from imds_probe.fleet import plan_page  # noqa: PLC0415
    from imds_probe.fleet.plan import plan  # noqa: PLC0415
    from imds_probe.fleet.reasons import Terms  # noqa: PLC0415

    given = {name: value for name in OF_PLAN if (value := getattr(args, name)) is not None}
    made = plan(
        found,
        Terms(max_age_s=args.max_age, **given),
        instances,
        used.since(found.now - args.max_age) if used else (),
        used.not_read if used else 0,
        not_answered=launching.not_answered if launching else (),
    )
    if args.output == "json":
        return json.dumps(plain(made), indent=2, ensure_ascii=True) + "\n"
    return _laid_out(args, plan_page.page_of(made))


def _asked(args: argparse.Namespace, tags: tuple[str, ...], listed: Listed | None) -> tuple[Listed, Launching]:
    """The instances by EC2 and by files, and what launches the next ones. Where both know an instance, EC2 counts."""
    from imds_probe.collect.firmware import look  # noqa: PLC0415
    from imds_probe.fleet.ec2 import asked  # noqa: PLC0415
    from imds_probe.system.confined import FileUnanswered  # noqa: PLC0415

    try:
        is_ec2 = look(Path("/")).is_ec2  # elsewhere no metadata service is asked for credentials
    except FileUnanswered:
        is_ec2 = False
    made = asked(args.region, args.profile, os.environ, is_ec2=is_ec2, tags=tags)
    if listed is None:
        return made.instances, made.launching
    return made.instances.with_file(listed), made.launching


def _before(path: Path | None) -> Before | None:
    from imds_probe.fleet.comparing import PICTURE_MAX, picture_before  # noqa: PLC0415

    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return picture_before(file.read(PICTURE_MAX))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "Name a file that can be read.") from None
    except UsageError as error:
        raise UsageError(f"{path} cannot be used: {error.problem}", error.remedy) from None


def _check_any(found: Gathered, paths: list[str]) -> None:
    """Nothing at all is a wrong path, and no picture."""
    if found.hosts:
        return
    problems = [f"{place}: {reason}" for _, place, reason in found.problems.named[:3]]
    seen = f" ({'; '.join(problems)})" if problems else ""
    counts = found.problems.counts
    remedy = (
        "Use a newer version of imds-probe."
        if counts["newer"] and counts["newer"] == counts.total()
        else "Name files and directories with what `imds-probe run --output json` wrote, or its sinks."
    )
    raise UsageError(f"there is no report in {', '.join(paths[:5])}{seen}", remedy)


def _picture(
    args: argparse.Namespace,
    found: Gathered,
    *,
    by: tuple[str, ...],
    instances: dict[str, Instance] | None,
    before: Before | None,
    used: Uses | None,
    launching: Launching | None,
) -> str:
    from imds_probe.facts.section import plain  # noqa: PLC0415
    from imds_probe.fleet.page import page_of  # noqa: PLC0415
    from imds_probe.fleet.painting import picture  # noqa: PLC0415
    from imds_probe.fleet.trail import trail  # noqa: PLC0415

    seen = trail(used, found.hosts, found.now - args.max_age) if used else None
    made = picture(
        found, by=by, max_age_s=args.max_age, instances=instances, before=before, trail=seen, launching=launching
    )
    if args.output == "json":
        return json.dumps(plain(made), indent=2, ensure_ascii=True) + "\n"
    if args.output == "html":
        from imds_probe.fleet import html  # noqa: PLC0415

        return html.render(made, found, by, instances)
    return _laid_out(args, page_of(made))


def _laid_out(args: argparse.Namespace, page: Page) -> str:
    from imds_probe.commands.terminal import style  # noqa: PLC0415
    from imds_probe.render.lines import laid_out  # noqa: PLC0415

    return laid_out(page, style(to_file=args.out is not None))


def _count(said: str) -> int:
    if not said.isascii() or not said.isdigit() or not 1 <= int(said[:6]) <= 1024:
        raise argparse.ArgumentTypeError(f"{said!r} is no number from 1 to 1024")
    return int(said)
