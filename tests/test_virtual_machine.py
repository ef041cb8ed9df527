"""What needs no machine. Those that are booted are in `make truth` (truth/virtual.py) and `make soak` (test_power_loss.py)."""

from __future__ import annotations

import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import virtual_machine
from virtual_machine import Image, Machine, MachineError

# prctl(2): PR_GET_PDEATHSIG is 2
READ_SIGNAL = (
    sys.executable,
    "-c",
    "import ctypes; said = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(said)); print(said.value)",
)
MADE = Image(Path("/made/root.ext4"), Path("/made/vmlinuz"), Path("/made/initrd.img"))


def test_where_kvm_does_not_open_it_says_so(tmp_path):
    assert virtual_machine.not_to_be_had(str(tmp_path / "kvm")).endswith("kvm does not open: No such file or directory")


def test_what_is_not_installed_is_named(tmp_path, monkeypatch):
    (tmp_path / "kvm").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.uname", lambda: type("Uname", (), {"machine": "x86_64"}))
    said = virtual_machine.not_to_be_had(str(tmp_path / "kvm"))
    assert said == "qemu-system-x86_64 and qemu-img not installed"


def test_a_machine_that_is_not_to_be_had_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(virtual_machine, "not_to_be_had", lambda: "there is none")
    with pytest.raises(MachineError, match="there is none"):
        Machine("bullseye", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_kvm_without_a_processor_of_its_own_is_emulated(tmp_path):
    assert virtual_machine.accelerator([tmp_path]) == "kvm"
    assert virtual_machine.accelerator([tmp_path / "kvm_amd"]) == "tcg"


@pytest.mark.parametrize("by", ["kvm", "tcg"])
def test_there_is_no_network_and_nothing_that_qemu_would_add_by_itself(tmp_path, by):
    argv = virtual_machine.command_line(MADE, tmp_path, kernel_arguments="quiet", by=by)
    assert argv[argv.index("-nic") + 1] == "none"
    assert {"-nodefaults", "-no-user-config"} < set(argv)
    assert not [word for word in argv if word.startswith(("-net", "user,", "tap,"))]
    assert f"q35,accel={by}" in argv
    assert argv[argv.index("-append") + 1] == "root=/dev/vda rw console=ttyS0 panic=-1 quiet"


def test_it_ends_with_whoever_started_it(tmp_path):
    argv = virtual_machine.command_line(MADE, tmp_path)
    before = argv[: argv.index("qemu-system-x86_64")]
    done = subprocess.run([*before, *READ_SIGNAL], capture_output=True, text=True, check=True, timeout=30)
    assert int(done.stdout) == signal.SIGKILL


def test_the_image_is_changed_by_nobody(tmp_path):
    """It is below an overlay, and what is handed in is read only."""
    argv = virtual_machine.command_line(MADE, tmp_path, drive=tmp_path / "in.tar")
    drives = [argv[number + 1] for number, word in enumerate(argv) if word == "-drive"]
    assert drives == [
        f"file={tmp_path}/disk.qcow2,format=qcow2,if=virtio",
        f"file={tmp_path}/in.tar,format=raw,if=virtio,readonly=on",
    ]


def test_what_is_handed_in_is_roots_and_has_no_byte_code(tmp_path):
    (tmp_path / "tree/__pycache__").mkdir(parents=True)
    (tmp_path / "tree/one.py").write_text("1")
    place = virtual_machine.handed_in(tmp_path, {"/opt/tree": tmp_path / "tree", "/opt/start": "#!/bin/sh\n"})
    with tarfile.open(place) as archive:
        members = {each.name: each for each in archive}
    assert set(members) == {"opt/tree", "opt/tree/one.py", "opt/start"}
    assert {(each.uid, each.gid, each.uname) for each in members.values()} == {(0, 0, "root")}
    assert members["opt/start"].mode & 0o111


def test_one_that_ends_at_once_is_named_with_what_it_said(tmp_path, monkeypatch):
    """And is not waited for."""
    machine = _not_switched_on(tmp_path, monkeypatch, ["sh", "-c", "echo no such thing >&2; exit 1"])
    with pytest.raises(MachineError, match="no such thing"):
        machine.boot()


def test_one_that_does_not_answer_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(virtual_machine, "BOOTED_WITHIN_S", 0.3)
    (tmp_path / "disk.qcow2").touch()
    machine = _not_switched_on(tmp_path, monkeypatch, ["sleep", "600"])
    with pytest.raises(MachineError, match="it does not take connections"), machine:
        raise AssertionError("it was switched on")
    assert machine._child is None


def _not_switched_on(work: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str]) -> Machine:
    """A machine that is another program."""
    monkeypatch.setattr(virtual_machine, "not_to_be_had", lambda: "")
    monkeypatch.setattr(virtual_machine, "image", lambda suite: MADE)
    monkeypatch.setattr(virtual_machine, "command_line", lambda *made, **more: argv)
    return Machine("bullseye", work)
