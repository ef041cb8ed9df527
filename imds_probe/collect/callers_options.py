"""Where what is known of callers is kept, and what it is judged by: for the collectors that look there."""

from __future__ import annotations

from pathlib import Path

from imds_probe.config.settings import AwsConfig
from imds_probe.dataclass import dataclass
from imds_probe.system.state_directory import DEFAULT


@dataclass(frozen=True)
class CallersOptions:
    """Where the history is, the window to judge by and how much of it must have been watched (0 to 1), and for how long to
    watch now; 0: not at all. `full_command_lines`: the report has all arguments of callers, whatever they are.
    """

    state: Path = DEFAULT
    window_s: float = 14 * 86400.0
    coverage: float = 0.99
    watch_s: float = 0.0
    full_command_lines: bool = False
    compare: AwsConfig | None = None  # how CloudWatch is asked for its count; None: it is not
