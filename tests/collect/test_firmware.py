import os

import pytest

from imds_probe.collect.firmware import look


def firmware(root, **files):
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


DMI = "sys__class__dmi__id__"


@pytest.mark.parametrize(
    ("files", "is_ec2"),
    [
        ({f"{DMI}sys_vendor": "Amazon EC2\n"}, True),
        ({f"{DMI}sys_vendor": "Xen\n", f"{DMI}bios_version": "4.11.amazon\n"}, True),
        ({"sys__hypervisor__uuid": "ec2e1916-9099-7caf-fd21-012345abcdef\n"}, True),
        ({f"{DMI}sys_vendor": "Xen", f"{DMI}product_uuid": "EC2E1916-9099-7CAF-FD21-012345ABCDEF"}, True),
        ({"sys__hypervisor__uuid": "45e12aec-dcd1-b213-94ed-012345abcdef"}, True),  # little-endian
        ({f"{DMI}sys_vendor": "QEMU\n"}, False),
        ({f"{DMI}sys_vendor": "Google\n", f"{DMI}product_uuid": "45e12aed-dcd1-b213-94ed-012345abcdef"}, False),
        ({f"{DMI}sys_vendor": "Alibaba Cloud"}, False),
        ({}, False),
    ],
)
def test_the_firmware_decides(tmp_path, files, is_ec2):
    found = look(firmware(tmp_path, **files))
    assert found.is_ec2 is is_ec2
    assert found.method


@pytest.mark.parametrize(
    ("files", "instance_id"),
    [
        ({f"{DMI}board_asset_tag": "i-0123456789abcdef0\n"}, "i-0123456789abcdef0"),
        ({"var__lib__cloud__data__instance-id": "i-0123abcd\n"}, "i-0123abcd"),
        ({f"{DMI}board_asset_tag": "Not Specified"}, None),
        ({f"{DMI}board_asset_tag": "i-0123456789abcdef0; reboot"}, None),
        ({}, None),
    ],
)
def test_the_instance_id_without_metadata(tmp_path, files, instance_id):
    assert look(firmware(tmp_path, **{f"{DMI}sys_vendor": "Amazon EC2"} | files)).instance_id == instance_id


def test_odd_bytes_in_the_firmware_are_printable(tmp_path):
    (tmp_path / "sys/class/dmi/id").mkdir(parents=True)
    (tmp_path / "sys/class/dmi/id/sys_vendor").write_bytes(b"\x1b[2JEvil\xff" + b"x" * 1000)
    method = look(tmp_path).method
    assert method.isprintable()
    assert len(method) < 300


def test_a_fifo_in_place_of_the_firmware_does_not_block(tmp_path):
    (tmp_path / "sys/class/dmi/id").mkdir(parents=True)
    os.mkfifo(tmp_path / "sys/class/dmi/id/sys_vendor")
    assert not look(tmp_path).is_ec2


def test_a_link_out_of_the_root_leads_nowhere(tmp_path):
    outside = firmware(tmp_path / "outside", **{f"{DMI}sys_vendor": "Amazon EC2\n"})
    root = tmp_path / "root"
    root.mkdir()
    (root / "sys").symlink_to(outside / "sys")
    assert not look(root).is_ec2
    (root / "sys").unlink()
    (root / "sys").symlink_to("../outside/sys")
    assert not look(root).is_ec2
