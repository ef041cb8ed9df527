"""What handing on a report costs a run, beside importing what signs and sends it."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fault_server import faulty

from imds_probe.simulator import scenarios

Compare = Callable[[str, dict[str, Sequence[str]], dict[str, str]], Any]


def reporting(compare: Compare) -> None:
    """A run on a machine that is not EC2, so that as little else as possible is measured; `compare` is bench.compare."""
    with tempfile.TemporaryDirectory() as directory, faulty(lambda _: "ok") as service:
        root = Path(directory, "root")
        scenarios.write_host(root, {}, "none")
        (root / "sys/class/dmi/id/sys_vendor").write_text("QEMU\n")
        config = Path(directory, "imds-probe.toml")
        config.write_text(
            f'state_directory = "{directory}/state"\n[aws]\nregion = "eu-west-1"\n'
            f'cloudwatch_endpoint = "{service.endpoint}"\nlogs_endpoint = "{service.endpoint}"\n'
            f'[file]\npath = "{directory}/report.json"\n[textfile]\ndirectory = "{directory}"\n'
        )
        run = [sys.executable, "-m", "imds_probe", "run", "--root", str(root), "--config", str(config)]
        env = dict(os.environ) | {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "made-up"}
        names = ("file", "textfile", "cloudwatch", "cloudwatch-logs")
        figures = compare(
            "A run that reports (ms)",
            {
                "imds-probe run": run,
                "python3 -c pass": [sys.executable, "-c", "pass"],
                "import botocore.session": [sys.executable, "-c", "import botocore.session"],
                **{f"run --report {name}": [*run, "--report", name] for name in names},
            },
            env,
        )
    wall = {name: entry.wall_ms for name, entry in figures.items()}
    bare = [a - b for a, b in zip(wall["import botocore.session"], wall["python3 -c pass"], strict=True)]
    for name in names:
        more = [a - b for a, b in zip(wall[f"run --report {name}"], wall["imds-probe run"], strict=True)]
        beyond = statistics.median(a - b for a, b in zip(more, bare, strict=True))
        also = f", {beyond:.0f} ms more than importing botocore" if name.startswith("cloudwatch") else ""
        print(f"  {name}: {statistics.median(more):.0f} ms more than a run that reports nothing{also}")
