"""How the process ends."""

import os
import subprocess
import sys

import pytest

LAST = """
import atexit, sys
from imds_probe import __main__
from imds_probe.commands import dispatch

class Taken:
    def __del__(self):
        print("taken apart", flush=True)

def command():
    atexit.register(print, "an exit function")
    print("the output")
    {}

kept = Taken()
dispatch.main = command
__main__.main()
"""


def ended(by, **streams):
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", LAST.format(by)], text=True, check=False, timeout=60, env=env, **streams
    )


@pytest.mark.parametrize("by", ["return 4", "raise SystemExit(4)"])
def test_it_ends_after_the_exit_functions_and_takes_nothing_apart(by):
    done = ended(by, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (4, "the output\nan exit function\n", "")


def test_what_cannot_be_said_at_the_end_changes_no_exit_code():
    with open("/dev/full", "w") as full:
        done = ended("return 4", stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (4, "")


def test_an_error_that_nobody_caught_ends_it_as_ever():
    done = ended("raise ZeroDivisionError('boom')", capture_output=True)
    assert done.returncode == 1
    assert "boom" in done.stderr
