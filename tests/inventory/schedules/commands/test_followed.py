from pathlib import Path

import msgspec
from followed_commands import followed

from imds_probe.inventory.schedules.commands.followed import Followed


def test_it_goes_from_one_process_to_another(root: Path) -> None:
    found = followed(root, "cd /opt/app && ./run.sh")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Followed) == found
