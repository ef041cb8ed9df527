#!/usr/bin/env python3
"""`make audit`: whether a vulnerability is known of a Python package that the lock file names, by pip-audit.

Ends with 1 where one is known, and with 2 where nothing could be asked: then nothing is known of any of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import lock
from architectures import ARCHITECTURES
from build_error import BuildError

TIME_LIMIT_S = 600.0


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", type=Path, default=lock.FILE, help="the lock file (packaging/inputs.lock)")
    parser.add_argument("--osv-url", help="ask this service, which speaks as OSV does (PyPI's own is asked)")
    args = parser.parse_args(argv)
    try:
        wanted = sorted({each for architecture in ARCHITECTURES for each in _pinned(architecture.name, args.lock)})
        found = _audited(wanted, args.osv_url)
    except BuildError as error:
        print(f"make audit: {error}", file=sys.stderr)
        return 2
    for name, version, known in found:
        print(f"{name} {version}: {', '.join(known)}")
    if found:
        print("Run `make lock` for versions in which this is mended, or say in the commit why it does no harm.")
        return 1
    print(f"no vulnerability is known of {len(wanted)} Python packages")
    print("Of what comes from Debian, a scanner that reads sbom.cdx.json in the packages says what Debian knows.")
    return 0


def _pinned(architecture: str, path: Path) -> list[str]:
    """NAME==VERSION of each wheel."""
    (named,) = (lock.read(each, path) for each in ARCHITECTURES if each.name == architecture)
    return [each.split(" ")[0] for each in named.distributions()]


def _audited(wanted: Sequence[str], osv_url: str | None) -> list[tuple[str, str, list[str]]]:
    """Each package of which something is known: its name, its version, and what. Raises BuildError."""
    with tempfile.TemporaryDirectory(prefix="imds-probe-audit-") as place:
        file = Path(place, "requirements.txt")
        file.write_text("".join(f"{each}\n" for each in wanted))
        argv = [sys.executable, "-m", "pip_audit", "--requirement", str(file), "--no-deps", "--disable-pip"]
        argv += ["--cache-dir", place, "--format", "json", "--progress-spinner", "off", "--timeout", "30"]
        argv += ["--vulnerability-service", "osv", "--osv-url", osv_url] if osv_url else []
        try:
            done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise BuildError(f"pip-audit did not end within {TIME_LIMIT_S:g} s. Nothing was audited") from None
    try:
        audited = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BuildError(
            f"pip-audit could not ask: {said[:300]}. Nothing was audited: run it where there is a network"
        ) from None
    skipped = [each["name"] for each in audited if "skip_reason" in each]
    if skipped:
        raise BuildError(f"pip-audit could not ask of {', '.join(skipped)}. Run it again where there is a network")
    return [
        (each["name"], each["version"], [known["id"] for known in each["vulns"]]) for each in audited if each["vulns"]
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
