"""The configuration of the whole program: the core's own sections, and those that the sinks declare."""

from __future__ import annotations

import argparse
from pathlib import Path

from imds_probe import config
from imds_probe.commands.messages import say, say_once
from imds_probe.commands.pages import ACCEPTED_RISKS, CONFIGURATION, with_page
from imds_probe.config import AwsConfig, Config, Loaded
from imds_probe.config.acceptances import AcceptConfig
from imds_probe.config.keys import Section
from imds_probe.errors import UsageError
from imds_probe.sinks import SINKS, declared
from imds_probe.sinks.settings import DeliveryConfig, SpoolConfig


def sections() -> tuple[type[Section], ...]:
    """All that a configuration file may set, in the order of the shipped one."""
    sinks = [declared(name) for name in SINKS]
    shared = [section for sink in sinks for section in sink.shared]
    own = [sink.settings for sink in sinks if sink.settings]
    return tuple(dict.fromkeys((Config, AcceptConfig, DeliveryConfig, AwsConfig, *shared, *own, SpoolConfig)))


def load(path: Path | None, default: Path | None = None, *, complete: bool = False) -> Loaded:
    """The settings in force. Raises UsageError that names file, line and key.

    `complete`: with each key's value and origin, to be shown. Else no key is looked at where no file sets anything: every
    section has its defaults by itself, and what the sinks declare takes longer to load than the rest of the configuration.
    """
    try:
        files = config.read(path, default)
        wanted = complete or any(file.content for file in files)
        loaded = config.load(files, sections() if wanted else ())
    except UsageError as error:
        error.page = CONFIGURATION
        raise
    for line in loaded.warnings:
        say_once(line)
    return loaded


def say_unusable(loaded: Loaded) -> None:
    """A line for each accepted risk that accepts nothing. No run ends by it, and its report has a finding of it."""
    from imds_probe.rules import RULES  # noqa: PLC0415
    from imds_probe.rules.acceptance import unusable  # noqa: PLC0415

    kinds = [kind for rule in RULES for kind in rule.kinds]
    for each in unusable(loaded.settings.of(AcceptConfig).entries, kinds):
        wrong = UsageError(f"{each.origin}: this entry [[accept]] accepts nothing: {each.problem}", each.remedy)
        wrong.page = ACCEPTED_RISKS
        say(with_page(wrong))


def overrides(args: argparse.Namespace) -> dict[str, tuple[object, str]]:
    """Settings that the command line or the environment take out of the files' hands."""
    found: dict[str, tuple[object, str]] = {}
    if args.report is not None:
        found["report"] = (list(args.report), "--report")
    if getattr(args, "CallersOptions.full_command_lines", False):
        found["watch.full_command_lines"] = (True, "--full-command-lines")
    if not getattr(args, "CodeOptions.read", True):
        found["code.read"] = (False, "--no-code")
    if getattr(args, "ControlPlaneOptions.now", False):
        found["control_plane.ask"] = (True, "--control-plane")
    if args.state_directory is not None:
        found["state_directory"] = (str(args.state_directory), "--state-directory")
    return found
