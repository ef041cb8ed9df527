"""What cannot be read although all its bytes can."""

from __future__ import annotations

import io
import marshal
from pathlib import Path

import elves
import pytest

from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.forms import opaque
from imds_probe.inventory.code.unread import ENCRYPTED, ODD_BYTE_CODE, PACKED, REASONS


@pytest.mark.parametrize(
    ("content", "path", "why"),
    [
        (elves.made({".text": b"x"})[:200] + b"UPX!" + bytes(2000), "/x", PACKED),
        (elves.made({".text": b"x"}) + bytes(5000) + b"MEI\x0c\x0b\x0a\x0b\x0e" + bytes(80), "/x", PACKED),
        (b"from pyarmor_runtime import __pyarmor__\n__pyarmor__(__name__, __file__, b'x')\n", "/x.py", ENCRYPTED),
        (b"<?php //0046a\nif(!extension_loaded('ionCube Loader')){", "/x.php", ENCRYPTED),
        (b"BC\xc0\xde" + bytes(20), "/x.bc", ODD_BYTE_CODE),
        (elves.made({".text": b"x"}), "/x", ""),
        (b"import os\n", "/x.py", ""),
        (b"", "/x", ""),
    ],
)
def test_it_is_said(content: bytes, path: str, why: str) -> None:
    judged = said_by(io.BytesIO(content), path)
    assert (judged.unread, judged.whole) == (why, not why)
    assert not why or why in REASONS


def test_the_module_that_knows_the_marks_has_none_of_them() -> None:
    source = Path(opaque.__file__).read_bytes()
    byte_code = marshal.dumps(compile(source, "/x.py", "exec"))
    assert [opaque.why_not_read(io.BytesIO(content)) for content in (source, byte_code)] == ["", ""]
