"""Tables that are wider than there is room for."""

from __future__ import annotations

import pytest

from imds_probe.render.columns import lines

COLUMNS = ("id", "name", "since", "where")
ROWS = [("one", "The first one", "1.0", "host: /usr/lib/one"), ("three-three", "Three", "10.20.30", "host")]


def table(width, **options):
    return list(lines(COLUMNS, ROWS, width, **options))


def test_where_there_is_room_it_is_whole():
    assert table(60, spare=("name",), below="where") == [
        "id           name           since     where",
        "one          The first one  1.0       host: /usr/lib/one",
        "three-three  Three          10.20.30  host",
    ]


def test_what_can_be_left_out_goes_first_and_is_named():
    assert table(45, spare=("name", "since"), below="where") == [
        "id           since     where",
        "one          1.0       host: /usr/lib/one",
        "three-three  10.20.30  host",
        "(left out: name; COLUMNS=58 shows all columns)",
    ]


def test_then_the_longest_stands_on_its_own_line_and_the_others_come_back():
    assert table(38, below="where", spare=("since",)) == [
        "id           name           since",
        "    (where)",
        "one          The first one  1.0",
        "    host: /usr/lib/one",
        "three-three  Three          10.20.30",
        "    host",
    ]


def test_no_width_is_named_that_no_page_has():
    rows = [("c" * 90, "i" * 110, "own", "lost")]
    *_, last = lines(COLUMNS, rows, 98, spare=("since",))
    assert last == "(left out: since; 200 columns, the most there are, have no room)"


@pytest.mark.parametrize("width", [1, 10, 20])
def test_names_are_never_cut(width):
    text = "\n".join(table(width, spare=("name", "since"), below="where"))
    assert all(word in text for word in ("three-three", "host: /usr/lib/one"))


def test_columns_that_this_table_lacks_are_no_matter():
    assert table(1, spare=("nonesuch",), below="neither") == table(1)


def test_wide_letters_and_accents_stand_in_line():
    rows = [("容器", "バッチ", "1.0", "host"), ("cafe\u0301", "Nightly", "10.20", "host")]
    assert list(lines(COLUMNS, rows, 60)) == [
        "id    name     since  where",
        "容器  バッチ   1.0    host",
        "cafe\u0301  Nightly  10.20  host",
    ]


def test_a_table_of_wide_letters_is_as_wide_as_it_takes():
    rows = [("容" * 10, "b", "1.0", "host")]
    *_, last = lines(COLUMNS, rows, 35, spare=("since",))
    assert last == "(left out: since; COLUMNS=42 shows all columns)"
