"""What tests of discovery on the real /proc share."""

import os
import time
from pathlib import Path

from imds_probe.inventory.containers.discovery import discover


def own_netns():
    return os.stat("/proc/self/ns/net").st_ino


def seen(root=Path("/"), **options):
    return discover(root, own_netns=options.pop("own_netns", own_netns()), **options)


def wait_for(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def namespace(found, inode):
    return next((each for each in found.namespaces if each.inode == inode), None)
