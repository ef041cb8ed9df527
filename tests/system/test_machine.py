from __future__ import annotations

from pathlib import Path

import pytest

from imds_probe.system.machine import DMI, firmware_id

UUID = "ec2a1b2c-0000-1111-2222-333344445555"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({f"{DMI}/board_asset_tag": "i-0123456789abcdef0\n", f"{DMI}/product_uuid": UUID}, "i-0123456789abcdef0"),
        ({f"{DMI}/board_asset_tag": "\n", f"{DMI}/product_uuid": f"{UUID.upper()}\n"}, UUID),  # Xen
        ({"sys/hypervisor/uuid": f"{UUID}\n"}, UUID),
        ({f"{DMI}/product_uuid": "2c1b2aec-0000-1111-2222-333344445555\n"}, "2c1b2aec-0000-1111-2222-333344445555"),
        ({f"{DMI}/product_uuid": "03000200-0400-0500-0006-000700080009\n"}, ""),  # the same on many machines
        ({f"{DMI}/board_asset_tag": "Not Specified\n"}, ""),
        ({}, ""),
    ],
)
def test_an_instance_is_known_by_its_firmware(tmp_path: Path, files: dict[str, str], found: str) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert firmware_id(tmp_path) == found


def test_what_is_no_file_names_none(tmp_path: Path) -> None:
    (tmp_path / DMI / "board_asset_tag").mkdir(parents=True)
    assert firmware_id(tmp_path) == ""
