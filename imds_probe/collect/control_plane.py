"""What AWS's control plane says of this instance, only where a run is told to ask.

The options ask first, as the answer takes the place of a request without a token. Whatever came of it is on the record of this
collector.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path

from imds_probe import __version__
from imds_probe.collect.collector import Collected, Collector, Option
from imds_probe.collect.context import Context
from imds_probe.config import AwsConfig
from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.facts.control_plane import ControlPlane
from imds_probe.facts.imds import Imds
from imds_probe.facts.instance import Instance
from imds_probe.facts.platform import Platform
from imds_probe.imds.client import MetadataClient
from imds_probe.system.remembered import Remembered, is_safe

FILE = "control-plane"  # in the state directory
WITHIN_S = 8.0
# The API's allowance is the account's, and 100,000 hosts that ask every hour are above it. Nor may a fleet that was started
# together ask together.
KEPT_S, JITTER_S = 86400.0, 6 * 3600.0


@dataclass(frozen=True)
class ControlPlaneOptions:
    """`now`: the command line says so: ask whatever an earlier run was told. `configured`: ask of the instance alone, if an earlier
    run asked of the rest within a day and left its answer in the `state` directory. `aws` is how AWS is reached.
    """

    now: bool = False
    configured: bool = False
    aws: AwsConfig = AwsConfig()
    state: Path | None = None


@dataclass(frozen=True)
class Answer:
    """What came of asking: one of the two."""

    found: ControlPlane | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class _Kept:
    """An answer without the instance's own options, and until when (Unix, s) it is taken for true. These options may be changed
    at any time, and back: an hour later they say nothing of what the service does.
    """

    until: float
    found: ControlPlane


def is_asked(context: Context) -> bool:
    """Whether this run may ask AWS about the instance."""
    options = context.option(ControlPlaneOptions)
    return (options.now or options.configured) and context[Platform].is_ec2


def answered(context: Context, client: MetadataClient | None) -> Answer:
    """The answer of this run, which asks once. `client` has a token, or is None where there is none: then what the firmware says
    must do to name the instance.
    """
    return context.once(Answer, lambda: _answer(context, client))


def _answer(context: Context, client: MetadataClient | None) -> Answer:
    try:
        return Answer(_asked(context, client))
    except Exception as error:  # noqa: BLE001 - the collector raises it again: it must not cost the metadata options
        return Answer(error=error)


def _asked(context: Context, client: MetadataClient | None) -> ControlPlane:
    options, now = context.option(ControlPlaneOptions), time.time()
    instance = _instance(context, client)
    if instance.instance_id is None:
        raise ProbeError("AWS was not asked: the id of this instance is not known")
    memory = kept = None
    if options.state is not None and is_safe(context.root, options.state):
        memory = Remembered(options.state, FILE, _Kept, __version__)
        kept = memory.load().get(instance.instance_id)
    # botocore takes longer to load than many a run.
    from imds_probe.aws.clients import Aws  # noqa: PLC0415
    from imds_probe.aws.control_plane import ask, ask_again  # noqa: PLC0415

    deadline = min(time.monotonic() + WITHIN_S, context.deadline)
    aws = Aws(options.aws, context.request.environ, is_ec2=True, region=instance.region, counter=context.counter)
    if kept is not None and not options.now and now < kept.until <= now + KEPT_S + JITTER_S:
        return ask_again(aws, instance, kept.found, deadline=deadline)
    asked = ask(aws, instance, deadline=deadline)
    if memory is not None and asked.lasting and not asked.found.pending:
        until = now + KEPT_S + random.uniform(0, JITTER_S)  # noqa: S311 - spreads load
        memory.save({instance.instance_id: _Kept(until, replace(asked.found, instance=None))})
    return asked.found


def _instance(context: Context, client: MetadataClient | None) -> Instance:
    from imds_probe.collect.instance import PATH, parse  # noqa: PLC0415 - which needs the options, and these need this

    reply = client.get(PATH) if client is not None else None
    document = parse(reply.body) if reply is not None and reply.ok else None
    return document or Instance(instance_id=context[Platform].instance_id)


def _collect(context: Context) -> Collected:
    answer = answered(context, None)
    if answer.found is None:
        raise answer.error or ProbeError("AWS was not asked")
    missing = "; ".join(f"{each.action}: {each.reason}" for each in answer.found.not_answered)
    return Collected((answer.found,), partial=missing)


COLLECTOR = Collector(
    id="control-plane",
    collect=_collect,
    gives=(ControlPlane,),
    without="what the EC2 API says of this instance and of what launches the next one",
    needs=(Platform, Imds),
    applies=is_asked,
    options=(
        Option(
            "--control-plane",
            ControlPlaneOptions,
            "now",
            {
                "action": "store_true",
                "help": "ask EC2 and Auto Scaling, too, for the metadata options of this instance, of its launch template and "
                "of the account; no request without a token is made then",
            },
        ),
    ),
    aside=True,
    confirms=True,
)
