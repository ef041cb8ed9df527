import bad_places
import pytest

from imds_probe.system import pressure
from imds_probe.system.pressure import MEMORY, PRESSURE, short_of_memory, short_of_space

CALM = "some avg10=0.00 avg60=80.00 avg300=90.00 total=99\nfull avg10=0.00 avg60=70.00 avg300=80.00 total=9\n"
PLENTY, LITTLE = "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n", "MemTotal: 8000000 kB\nMemAvailable: 102400 kB\n"


@pytest.mark.parametrize(
    ("some", "full", "said"),
    [
        ("0.00", "0.00", ""),
        ("19.99", "9.99", ""),
        ("20.00", "0.00", "the host is short of memory: programs waited for memory during 20 % of the last 10 s"),
        ("47.31", "10.02", "the host is short of memory: all programs waited for memory during 10 % of the last 10 s"),
    ],
)
def test_programs_that_wait_for_memory(tmp_path, some, full, said):
    file = tmp_path / "memory"
    file.write_text(
        CALM.replace("some avg10=0.00", f"some avg10={some}").replace("full avg10=0.00", f"full avg10={full}")
    )
    assert short_of_memory(file, tmp_path / "none") == said


@pytest.mark.parametrize("figures", [None, "", "some avg10=x\n"])
@pytest.mark.parametrize(
    ("memory", "said"), [(PLENTY, ""), (LITTLE, "the host is short of memory: only 100 MiB are available"), ("", "")]
)
def test_a_kernel_without_these_figures_says_how_much_is_left(tmp_path, figures, memory, said):
    if figures is not None:
        (tmp_path / "pressure").write_text(figures)
    (tmp_path / "meminfo").write_text(memory)
    assert short_of_memory(tmp_path / "pressure", tmp_path / "meminfo") == said


def test_figures_come_before_what_is_left(tmp_path):
    (tmp_path / "pressure").write_text(CALM)
    (tmp_path / "meminfo").write_text(LITTLE)
    assert short_of_memory(tmp_path / "pressure", tmp_path / "meminfo") == ""


def test_this_kernel_has_one_of_both():
    found = [file.read_text() for file in (PRESSURE, MEMORY) if file.exists()]
    assert any("avg10=" in text or "MemAvailable:" in text for text in found)


def test_a_full_disk_where_something_is_to_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(pressure, "PRESSURE", tmp_path / "none")
    monkeypatch.setattr(pressure, "MEMORY", tmp_path / "none")
    disk = tmp_path / "disk"
    said = bad_places.on_disk(disk, "full", lambda: pressure.need((tmp_path, disk / "not/yet/there")))
    assert said == f"the disk below {disk} is nearly full: only 0 KiB are free"
    assert pressure.need((disk,)) == ""
    assert pressure.need() == ""


def test_a_small_disk_with_room_on_it_is_not_full(tmp_path):
    assert bad_places.on_disk(tmp_path / "disk", "read-only", lambda: short_of_space(tmp_path / "disk")) == ""


def test_what_has_no_size_is_never_full():
    assert short_of_space(PRESSURE.parents[1]) == ""
