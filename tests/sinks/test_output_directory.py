import os

import pytest
from bad_places import as_ordinary_user, of_somebody_else, on_disk

from imds_probe.sinks.output_directory import output_directory
from imds_probe.sinks.output_file import replace_in
from imds_probe.sinks.sink import SinkError


def write(path, **options):
    with output_directory(path, "file.path", **options) as directory:
        replace_in(directory, path.name, b"x" * 8192, 0o640)


def refusal(path):
    with pytest.raises(SinkError) as caught:
        write(path)
    assert str(path) in caught.value.problem
    assert "file.path" in caught.value.remedy
    assert caught.value.outcome == "later"
    return str(caught.value)


def test_a_directory_is_made_only_below_one_that_is_there(tmp_path):
    write(tmp_path / "new/out", create=0o750)
    write(tmp_path / "new/out", create=0o750)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o750
    with pytest.raises(SinkError, match="No such file or directory. Create the directory"):
        write(tmp_path / "two/levels/out", create=0o750)


@pytest.mark.parametrize(
    ("state", "says"), [("full", "No space left on device. Free"), ("read-only", "Read-only file system. Mount")]
)
def test_a_disk_that_takes_nothing(tmp_path, state, says):
    assert says in on_disk(tmp_path / "disk", state, lambda: refusal(tmp_path / "disk/out"))


def test_what_is_no_file_is_to_be_removed(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(SinkError, match=f"what is there is no file. Remove {tmp_path}/out, or set "):
        write(tmp_path / "out")


def test_a_full_disk_keeps_what_it_had(tmp_path):
    def act():
        (tmp_path / "disk/filler").unlink()
        write(tmp_path / "disk/out")
        with open(tmp_path / "disk/filler", "wb") as filler:
            filler.write(b"x" * 52 * 1024)
        refusal(tmp_path / "disk/out")
        return sorted(os.listdir(tmp_path / "disk")), (tmp_path / "disk/out").stat().st_size

    assert on_disk(tmp_path / "disk", "full", act) == (["filler", "out"], 8192)


def test_a_wrong_owner(tmp_path):
    assert "has a wrong owner, user 65534" in refusal(of_somebody_else(tmp_path / "theirs") / "out")


def test_a_directory_that_everybody_may_write(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert "everybody may write" in refusal(tmp_path / "open/out")
    (tmp_path / "open").chmod(0o1777)
    write(tmp_path / "open/out")


def test_a_directory_that_is_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "planted").symlink_to("elsewhere")
    assert "not to a link" in refusal(tmp_path / "planted/out")
    assert os.listdir(tmp_path / "elsewhere") == []


def test_an_ordinary_user_is_told_to_be_root(tmp_path):
    tmp_path.chmod(0o555)
    code = f"""
from pathlib import Path
from imds_probe.sinks.output_directory import output_directory
from imds_probe.sinks.output_file import replace_in
from imds_probe.sinks.sink import SinkError
try:
    with output_directory(Path({str(tmp_path / "out")!r}), "file.path") as directory:
        replace_in(directory, "out", b"")
except SinkError as error:
    print(error)
"""
    assert as_ordinary_user(code).strip() == (
        f"{tmp_path}/out cannot be written: Permission denied. Run as root, or set file.path to another place."
    )
