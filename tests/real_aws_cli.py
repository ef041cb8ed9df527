"""The AWS CLI itself, which checks commands by its own parser and models, and is answered in the place of sending anything.

Started as a program, one process for all commands: each takes a second by itself.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PLACE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "imds-probe/aws-cli"
# No account's, and no place where one could be kept.
ENVIRONMENT = {
    "PYTHONPATH": str(PLACE),
    "HOME": "/nonexistent",
    "PATH": os.environ["PATH"],
    "LC_ALL": "C.UTF-8",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def refusals(commands: Sequence[Sequence[str]], directory: Path) -> list[str]:
    """What the AWS CLI says of each of these arguments in the directory, empty where it takes them."""
    assert (PLACE / "made").exists(), "tests/aws_cli.sh fetches the AWS CLI"
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(commands),
        cwd=directory,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: list[str] = json.loads(done.stdout)
    assert len(said) == len(commands)
    return said


class _Answer:
    """Of HTTP, as far as botocore and the AWS CLI look at it."""

    status_code = 200


def _main() -> None:
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()
    driver.session.register("before-call", lambda model, **_: (_Answer(), _nothing(model.output_shape)))
    commands = json.load(sys.stdin)
    for service in {argv[0] for argv in commands}:
        driver.session.get_service_model(service)  # read once for all commands
    said = []
    for argv in commands:
        # A driver remembers its command, so that each is given to a copy.
        with tempfile.TemporaryFile("w+") as file:
            if (pid := os.fork()) == 0:
                os.dup2(file.fileno(), 2)
                os._exit(_status(driver.main, argv))
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            file.seek(0)
            said.append("" if status == 0 else file.read().strip().rpartition("\n")[2] or f"ended with {status}")
    print(json.dumps(said))


def _nothing(shape: Any) -> dict[str, Any]:
    """As AWS says that there is nothing: by lists with nothing in them."""
    return {name: [] for name, member in shape.members.items() if member.type_name == "list"} if shape else {}


def _status(main: Callable[[list[str]], int], argv: list[str]) -> int:
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            return main(argv)
        except SystemExit as ended:
            return int(ended.code or 0)
        finally:
            sys.stderr.flush()


if __name__ == "__main__":
    _main()
