"""What the package weighs, and what starting from it costs beside the interpreter inside and beside a checkout."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import package_roots

from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

Compare = Callable[[str, dict[str, Sequence[str]], dict[str, str]], object]


def package(compare: Compare) -> None:
    """Sizes, then start-up, then a whole run; `compare` is bench.compare."""
    packages = package_roots.made()
    print("\nPackages (MB)")
    for path in sorted(packages.this.iterdir()):
        if path.suffix in (".deb", ".rpm"):
            print(f"  {path.name:<42} {path.stat().st_size / 1e6:6.1f}")
    with tempfile.TemporaryDirectory() as directory:
        root = package_roots.unpacked(packages.deb(), Path(directory, "root"))
        installed = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        print(f"  {'installed':<42} {installed / 1e6:6.1f}")
        chroot = ["/usr/sbin/chroot", str(root)]
        compare(
            "Start-up from the package (ms)",
            {
                "python3.13 -c pass, from inside": [*chroot, package_roots.PYTHON, "-c", "pass"],
                "imds-probe --version": [*chroot, "/usr/bin/imds-probe", "--version"],
            },
            dict(os.environ),
        )
        _main_job(root, compare)


def _main_job(root: Path, compare: Compare) -> None:
    with tempfile.TemporaryDirectory() as directory, Lab("bench") as lab:
        host_root = Path(directory)
        scenarios.write_host(host_root, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
        run = ["run", "--root", directory]
        # The launcher's first line is an absolute path: the machine's /usr/lib has the package's in it, for this program only.
        mount = ["unshare", "--mount", "--", "sh", "-ec"]
        mount += ['mount -t overlay overlay -o "lowerdir=$0/usr/lib:/usr/lib" /usr/lib; exec "$@"', str(root)]
        state = InstanceState(http_protocol_ipv6="enabled")
        listen = (("169.254.169.254", 80), ("fd00:ec2::254", 80))
        with Simulator(state, listen, netns=str(lab.service.netns)), MadeUpHost(lab.instance, host_root) as host:
            compare(
                "The main job in the lab (ms)",
                {
                    "from a checkout": host.command([sys.executable, "-m", "imds_probe", *run]),
                    "from the package": host.command([*mount, str(root / "usr/bin/imds-probe"), *run]),
                },
                dict(os.environ),
            )
