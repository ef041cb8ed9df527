from imds_probe.system.switch_off import FILE, is_switched_off, switched_off


def test_a_file_of_whichever_kind_below_the_root_switches_it_off(tmp_path):
    path = tmp_path / FILE
    assert not is_switched_off(tmp_path)
    path.parent.mkdir(parents=True)
    for make, unmake in (
        (path.touch, path.unlink),
        (path.mkdir, path.rmdir),
        (lambda: path.symlink_to("x"), path.unlink),
    ):
        make()
        assert is_switched_off(tmp_path)
        unmake()
        assert not is_switched_off(tmp_path)


def test_it_is_said_which_file_that_is(tmp_path):
    said = f"switched off on this host: {tmp_path / FILE} exists. Remove that file to switch imds-probe on again."
    assert str(switched_off(tmp_path)) == said


def test_where_it_cannot_be_there_it_is_not(tmp_path):
    (tmp_path / "etc").write_text("no directory")
    assert not is_switched_off(tmp_path)
