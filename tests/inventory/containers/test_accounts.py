import pwd
from pathlib import Path

from imds_probe.inventory.containers.accounts import homes


def test_homes(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\n"
        "ann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\n"
        "again:x:1000:1000::/home/again:/bin/sh\n"
        "bad:x:1_1:1::/home/bad:/bin/sh\n"
        "bad:x:٣:1::/home/bad:/bin/sh\n"
        "bad:x:99999999999:1::/home/bad:/bin/sh\n"
        "bad:x:-1:1::/home/bad:/bin/sh\n"
        "relative:x:1002:1::home:/bin/sh\n"
        "forged\x0bx:x:1003:1::/home/f\u2028:/bin/sh\n"
        "short:x:1004\n\n"
    )
    notes = []
    assert homes(tmp_path, notes) == {0: "/root", 1000: "/home/ann", 1003: "/home/f\u2028"}
    assert notes == []


def test_no_accounts(tmp_path):
    assert homes(tmp_path, []) == {}


def test_a_file_that_is_none_is_noted(tmp_path):
    (tmp_path / "etc/passwd").mkdir(parents=True)
    notes = []
    assert homes(tmp_path, notes) == {}
    assert notes == ["/etc/passwd is not a regular file"]


def test_this_machine():
    assert homes(Path("/"), [])[0] == pwd.getpwuid(0).pw_dir
