from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles
from imds_probe.inventory.schedules.systemd import unit_files
from imds_probe.inventory.schedules.systemd.unit_files import DIRECTORIES, UnitFiles

ETC, LIB = "/etc/systemd/system", "/usr/lib/systemd/system"


def units(root: Path, files: dict[str, str | bytes | Path]) -> UnitFiles:
    return UnitFiles(SystemFiles(made(root, files)))


def said(given: UnitFiles, name: str) -> str | None:
    unit = given.unit(name)
    return unit.last("Service", "A") if unit else None


@pytest.mark.parametrize("at", range(len(DIRECTORIES) - 1))
def test_the_first_directory_that_has_it_counts(tmp_path: Path, at: int) -> None:
    files = {f"{directory}/x.service": f"[Service]\nA={directory}\n" for directory in DIRECTORIES[at : at + 2]}
    assert said(units(tmp_path, files), "x.service") == DIRECTORIES[at]


def test_what_is_masked_is_not_there(tmp_path: Path) -> None:
    text = "[Service]\nA=1\n"
    files: dict[str, str | bytes | Path] = {
        f"{LIB}/{name}.service": text for name in ("null", "empty", "gone", "there")
    }
    files |= {
        f"{ETC}/null.service": Path("/dev/null"),
        f"{ETC}/empty.service": "",
        f"{ETC}/gone.service": Path("/nowhere"),
    }
    given = units(tmp_path, files)
    assert [said(given, f"{name}.service") for name in ("null", "empty", "gone", "there", "none")] == [
        None,
        None,
        None,
        "1",
        None,
    ]


def test_drop_ins_go_by_their_names_and_the_more_specific_one_counts(tmp_path: Path) -> None:
    files = {
        f"{LIB}/a-b.service": "[Service]\nA=unit\n",
        f"{LIB}/a-b.service.d/10.conf": "[Service]\nA=shipped\n",
        f"{ETC}/a-b.service.d/10.conf": "[Service]\nA=ours\n",
        f"{LIB}/a-.service.d/20.conf": "[Service]\nA=beginning\n",
        f"{LIB}/service.d/05.conf": "[Service]\nA=kind\n",
        f"{LIB}/a-b.service.d/99.txt": "[Service]\nA=no\n",
    }
    unit = units(tmp_path, files).unit("a-b.service")
    assert unit is not None
    assert [each.value for each in unit.all("Service", "A")] == ["unit", "kind", "ours", "beginning"]
    assert [each.path for each in unit.all("Service", "A")][2] == f"{ETC}/a-b.service.d/10.conf"


def test_instances_have_their_templates_file_and_both_drop_ins(tmp_path: Path) -> None:
    files = {
        f"{LIB}/x@.service": "[Service]\nA=%i\n",
        f"{LIB}/x@one.service": "[Service]\nA=own\n",
        f"{LIB}/x@.service.d/a.conf": "[Service]\nB=template\n",
        f"{ETC}/x@two.service.d/b.conf": "[Service]\nB=instance\n",
    }
    given = units(tmp_path, files)
    assert (said(given, "x@one.service"), said(given, "x@two.service")) == ("own", "%i")
    unit = given.unit("x@two.service")
    assert unit is not None
    assert (unit.name, unit.path) == ("x@two.service", f"{LIB}/x@.service")
    assert [each.value for each in unit.all("Service", "B")] == ["template", "instance"]


def test_an_alias_is_the_unit_that_it_leads_to(tmp_path: Path) -> None:
    files = {
        f"{LIB}/real.service": "[Service]\nA=1\n",
        f"{LIB}/t@.service": "[Service]\nA=2\n",
        f"{ETC}/alias.service": Path(f"{LIB}/real.service"),
        f"{ETC}/u@.service": Path(f"{LIB}/t@.service"),
        f"{ETC}/linked.service": Path("/opt/x/linked.service"),
        "/opt/x/linked.service": "[Service]\nA=3\n",
    }
    given = units(tmp_path, files)
    found = {name: given.unit(name) for name in ("alias.service", "u@i.service", "linked.service")}
    assert {name: unit and unit.name for name, unit in found.items()} == {
        "alias.service": "real.service",
        "u@i.service": "t@i.service",
        "linked.service": "linked.service",
    }


def test_a_unit_that_includes_itself_is_said_and_read(tmp_path: Path) -> None:
    files = {
        f"{ETC}/x.service": f"[Service]\n.include {ETC}/x.service\nA=1\n",
        f"{ETC}/y.service": ".include z\n[Service]\nB=2\n",
    }
    given = units(tmp_path, files | {f"{ETC}/z": "[Service]\nA=included\n"})
    assert (said(given, "x.service"), said(given, "y.service")) == ("1", "included")
    assert given.files.troubles == [f"{ETC}/x.service includes files that include each other without end"]


def test_links_in_circles_are_said_and_the_others_are_read(tmp_path: Path) -> None:
    files = {
        f"{ETC}/a.service": Path("b.service"),
        f"{ETC}/b.service": Path("a.service"),
        f"{ETC}/c.service": "[Service]\nA=1\n",
    }
    given = units(tmp_path, files)
    assert (said(given, "a.service"), said(given, "c.service")) == (None, "1")
    assert given.files.troubles == [f"{ETC}/a.service has too many symbolic links or is too deep"]


def test_links_of_targets(tmp_path: Path) -> None:
    files = {
        f"{ETC}/m.target.wants/a.service": Path("/x"),
        f"{LIB}/m.target.requires/b.service": Path("/x"),
        f"{LIB}/m.target.d/c.service": "",
    }
    assert set(units(tmp_path, files).links()) == {("m.target", "a.service", True), ("m.target", "b.service", False)}


def test_there_are_only_so_many_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_files, "UNITS_MAX", 2)
    monkeypatch.setattr(unit_files, "LINKS_MAX", 2)
    given = units(tmp_path, {f"{ETC}/{name}.target.wants/x.service": "" for name in "abcd"})
    assert len(list(given.links())) == 2
    assert [given.unit(f"{name}.service") for name in "abcd"] == [None] * 4
    assert given.files.troubles == [
        "more than 2 units are linked to others, and the rest was not read",
        "more than 2 units are named, and the rest was not read",
    ]


def test_one_directory_by_two_names_is_listed_once(tmp_path: Path) -> None:
    given = units(tmp_path, {f"{LIB}/m.target.wants/a.service": "", "/lib": Path("usr/lib")})
    assert len(list(given.links())) == 1
    assert given.there()
    assert not UnitFiles(SystemFiles(tmp_path / "nowhere")).there()


def test_names_that_fit_a_pattern(tmp_path: Path) -> None:
    files: dict[str, str | bytes | Path] = {
        "/etc/systemd/system/own.service": "[Service]\n",
        "/etc/systemd/system/own@.service": "[Service]\n",
        "/usr/lib/systemd/system/shipped.service": "[Service]\n",
    }
    given = units(tmp_path, files)
    assert given.fitting("ship*.service") == ["shipped.service"]
    assert given.fitting("own@*.service") == ["own@.service"]
    assert sorted(given.fitting("*.service")) == ["own.service", "own@.service"]  # of no name an administrator's own
    assert given.fitting("*.timer") == []


def test_drop_ins_that_are_too_many_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{ETC}/a.service": "[Service]\n"} | {
        f"{ETC}/a.service.d/{number}.conf": "[Service]\n" for number in range(3)
    }
    monkeypatch.setattr(unit_files, "DROP_INS_MAX", 2)
    given = units(tmp_path, files)
    assert given.unit("a.service") is not None
    assert given.files.take_left_out() == (LeftOut(f"{ETC}/a.service.d", unread.MORE),)
