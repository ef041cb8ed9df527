"""What can be configured, as the rest of the program reads it: the core's own sections, and how any section is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from imds_probe.config import values
from imds_probe.config.keys import Conflict, Section, setting
from imds_probe.dataclass import dataclass

DAY_S = 86400.0
S = TypeVar("S", bound=Section)


class Settings:
    """Sections by their kind. One that was not given has its defaults."""

    def __init__(self, *given: Section) -> None:
        self._sections: Mapping[type[Section], Section] = {type(section): section for section in given}

    def of(self, kind: type[S]) -> S:
        """The section of this kind."""
        found = self._sections.get(kind)
        return found if isinstance(found, kind) else kind()


@dataclass(frozen=True)
class Config(Section):
    """What the core reads.

    state_directory: where the daemon keeps its history, and runs the reports that could not be sent; None: not said here.
    catalogs: files of the user's own to judge by, too.
    window_s, coverage: for how long nobody may have been seen calling IMDSv1, and how much of that must have been watched,
    from 0 to 1, for high confidence. retention_s: for how long the history is kept. compare_metric: hold the history against
    CloudWatch's MetadataNoToken. full_command_lines: keep all arguments of callers, whatever they are.
    rehearsal_age_s: for how long a rehearsal counts.
    valid_s, valid_unwatched_s: for how long a verdict counts, where callers were watched and where they were not.
    read_code: what runs and will run is read for requests without a token. control_plane: ask the EC2 API, too.
    interval_s, jitter_s: between the daemon's assessments, and up to how much is added to that at random.
    """

    state_directory: Path | None = setting(
        "state_directory",
        None,
        values.absolute,
        "The directory of the daemon's history, and of the reports that wait to be sent. Without it: the one that systemd made, or "
        "/var/lib/imds-probe.",
        example="/var/lib/imds-probe",
    )
    catalogs: tuple[Path, ...] = setting(
        "catalog.files",
        [],
        values.paths,
        "Files of your own to judge by, too; `imds-probe catalog --extra FILE` checks one. Relative paths begin at the "
        "directory of the file that names them.",
        below_file=True,
    )
    window_s: float = setting(
        "watch.window",
        "14d",
        values.duration,
        "How long a call by IMDSv1 counts. For high confidence without a call, the watch must have covered this time.",
    )
    coverage: float = setting(
        "watch.coverage", 0.99, values.share, "The share of watch.window that must be watched for that, from 0 to 1."
    )
    retention_s: float = setting(
        "watch.retention", "90d", values.duration, "For how long the daemon keeps the calls that it saw."
    )
    compare_metric: bool = setting(
        "watch.compare_metric",
        True,
        values.flag,
        "Compare what the daemon saw with CloudWatch's MetadataNoToken of this instance, or with MetadataNoTokenRejected once "
        "tokens are required, where its role may read that (cloudwatch:GetMetricStatistics): a difference is a caller that was "
        "not seen.",
    )
    full_command_lines: bool = setting(
        "watch.full_command_lines",
        False,
        values.flag,
        "Keep the whole command lines of callers. They may contain passwords, tokens and keys, and go wherever the report goes. "
        "If false, imds-probe keeps program, script, sub-commands, names of options, and values known to be harmless.",
    )
    read_code: bool = setting(
        "code.read",
        True,
        values.flag,
        "Read the code of programs that run, or that cron, systemd and the like will start, for requests without a token.",
    )
    control_plane: bool = setting(
        "control_plane.ask",
        False,
        values.flag,
        "Ask EC2 and Auto Scaling for the metadata options of this instance, and once a day for those of its launch "
        "template and of the account, where the instance's role may (packaging/iam/control-plane.json). No request without a token "
        "is made then.",
    )
    rehearsal_age_s: float = setting(
        "rehearse.max_age",
        "30d",
        values.duration,
        "For how long a rehearsal counts, as long as nothing that was rehearsed changes.",
    )
    valid_s: float = setting(
        "verdict.valid_for",
        "7d",
        values.duration,
        "For how long a verdict counts where the watch covered watch.window, as long as nothing that it stood on changes.",
    )
    valid_unwatched_s: float = setting(
        "verdict.valid_unwatched",
        "1d",
        values.duration,
        "For how long a verdict counts on all other hosts: without a watch, a new caller by IMDSv1 is not seen.",
    )
    interval_s: float = setting("daemon.interval", "1h", values.duration, "The time between two assessments.")
    jitter_s: float = setting(
        "daemon.jitter",
        "15m",
        values.duration,
        "The daemon adds a random time of up to this length to each interval, so that a fleet does not report at once.",
    )

    def conflict(self) -> Conflict | None:
        """See Section."""
        if self.retention_s < self.window_s:
            return Conflict("watch.retention", "is shorter than watch.window, which is judged by what is kept")
        if self.interval_s < 60:
            return Conflict("daemon.interval", "must be a minute or more")
        return None


@dataclass(frozen=True)
class AwsConfig(Section):
    """How AWS is reached. None leaves a thing to the environment, the instance and botocore, in that order."""

    region: str | None = setting(
        "aws.region",
        None,
        values.matching(r"[a-z]{2}(-[a-z]+)+-\d{1,2}", "a Region, such as eu-west-1"),
        "Without it: AWS_REGION, or the instance's own.",
        example="eu-west-1",
    )
    profile: str | None = setting(
        "aws.profile",
        None,
        values.matching(r"[^\0\n]{1,200}", "the name of a profile"),
        "A profile of the AWS configuration files. Without it: the standard chain of credentials, whose last link is the "
        "instance's role, asked for by IMDSv2 only.",
        example="imds-probe",
    )
    cloudwatch_endpoint: str | None = setting(
        "aws.cloudwatch_endpoint",
        None,
        values.url,
        "Other addresses than the Region's own, such as those of VPC endpoints.",
        example="https://vpce-0123.monitoring.eu-west-1.vpce.amazonaws.com",
    )
    logs_endpoint: str | None = setting(
        "aws.logs_endpoint", None, values.url, example="https://vpce-0123.logs.eu-west-1.vpce.amazonaws.com"
    )
    ec2_endpoint: str | None = setting(
        "aws.ec2_endpoint", None, values.url, example="https://vpce-0123.ec2.eu-west-1.vpce.amazonaws.com"
    )
    autoscaling_endpoint: str | None = setting(
        "aws.autoscaling_endpoint",
        None,
        values.url,
        example="https://vpce-0123.autoscaling.eu-west-1.vpce.amazonaws.com",
    )
    s3_endpoint: str | None = setting(
        "aws.s3_endpoint", None, values.url, example="https://bucket.vpce-0123.s3.eu-west-1.vpce.amazonaws.com"
    )
    sts_endpoint: str | None = setting(
        "aws.sts_endpoint", None, values.url, example="https://vpce-0123.sts.eu-west-1.vpce.amazonaws.com"
    )
