import pytest

from imds_probe.system.switch_off import FILE, SwitchedOff, check, is_switched_off


def test_a_file_of_whichever_kind_below_the_root_switches_it_off(tmp_path):
    path = tmp_path / FILE
    assert not is_switched_off(tmp_path)
    check(tmp_path)
    path.parent.mkdir(parents=True)
    for make, unmake in (
        (path.touch, path.unlink),
        (path.mkdir, path.rmdir),
        (lambda: path.symlink_to("x"), path.unlink),
    ):
        make()
        assert is_switched_off(tmp_path)
        with pytest.raises(SwitchedOff, match=f"switched off on this host: {path} exists. Remove that file"):
            check(tmp_path)
        unmake()
        assert not is_switched_off(tmp_path)


def test_where_it_cannot_be_there_it_is_not(tmp_path):
    (tmp_path / "etc").write_text("no directory")
    assert not is_switched_off(tmp_path)
