import json

import pytest

from imds_probe.fleet import documents
from imds_probe.fleet.documents import Damaged, TooLong, is_lines, lines, values, values_beyond


def in_blocks(content, size):
    return iter([content[at : at + size] for at in range(0, len(content), size)])


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_lines_and_where_they_begin(size):
    content = b'{"a":1}\n\n  \n{"b":2}\r\nlast'
    assert list(lines(in_blocks(content, size))) == [(0, b'{"a":1}'), (12, b'{"b":2}\r'), (21, b"last")]


def test_a_line_that_is_too_long_is_passed_over(monkeypatch):
    monkeypatch.setattr(documents, "DOCUMENT_MAX", 10)
    content = b"a\n" + b"x" * 50 + b"\nb\n" + b"y" * 11
    assert list(lines(in_blocks(content, 7))) == [(0, b"a"), (2, TooLong(50)), (53, b"b"), (55, TooLong(11))]


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_values_however_they_are_wrapped(size):
    pages = {"events": [{"message": "1"}, {"message": "2"}], "nextToken": "f/1"}, {"events": [], "x": {"events": [1]}}
    content = b"\xef\xbb\xbf" + json.dumps(pages[0], indent=4).encode() + json.dumps(pages[1]).encode()
    content += b'\n[{"InstanceId": "\xc3\xa9"}, 5]\n{"a": {"b": [1, 2]}}\n'
    found = [value for _, value in values(in_blocks(content, size))]
    assert found == [{"message": "1"}, {"message": "2"}, {"InstanceId": "é"}, 5, {"a": {"b": [1, 2]}}]


def test_memory_holds_one_value_at_a_time():
    def blocks():
        yield b'{"events": ['
        for number in range(2000):
            yield b"%s{" % (b"," if number else b"") + b'"message": "' + b"x" * 10_000 + b'"}'
        yield b"]}"

    text = documents._Text(blocks())
    assert text.peek() == "{"
    most = 0
    for _ in documents._object(text):
        most = max(most, len(text._buffer))
    assert most < 3 * documents.HEAD_MAX


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1', "it ends within a document"),
        (b'{"a": "x', "it ends within a document"),
        (b"[1, 2", "it ends within a list"),
        (b'{"events": [{"a": 1}', "it ends within a list"),
        (b"hello", "it is not JSON"),
        (b"{1: 2}", "it is not JSON"),
        (b'{"a": nonsense, "b": "and some text behind it"}', "it is not JSON: expecting value"),
        (b"[" * 3 + b"\xff\xfe", "it is not UTF-8"),
        (b'{"a": ' + b"[" * 100_000, "it is nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "it is not JSON: Exceeds the limit"),
    ],
)
def test_what_is_no_document_is_said(content, said):
    with pytest.raises(Damaged) as caught:
        list(values(in_blocks(content, 1000)))
    assert caught.value.reason.startswith(said)


def test_a_document_without_an_end_is_given_up(monkeypatch):
    monkeypatch.setattr(documents, "DOCUMENT_MAX", 100)
    monkeypatch.setattr(documents, "HEAD_MAX", 10)
    for content in (b'{"a": "' + b"x" * 1000, b"{" + b'"a": 1, ' * 1000):
        with pytest.raises(Damaged, match="longer than any report"):
            list(values(in_blocks(content, 50)))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'{"a": 1}\n', True),
        (b'{"a": 1}', True),
        (b'{"cut": \n{"a": 1}\n', True),
        (b'2026-11-30T01:00:00.000Z {"a": 1}\n', True),
        (b'{\n  "a": {}\n}\n', False),
        (b'[\n  {"a": 1},\n  {"a": 2}\n]', False),
        (b"{}\n{}\n", False),
        (b"text\nand text\n", False),
        (b"", False),
    ],
)
def test_whether_each_line_is_a_document(head, expected):
    assert is_lines(head) is expected


@pytest.mark.parametrize("half", ["\\ud800", "\\uDFFF"])
def test_half_a_character_becomes_an_escape(half):
    document = f'{{"{half}": ["{half}", "\\ud83d\\ude00"]}}'
    expected = {half.lower(): [half.lower(), "\U0001f600"]}
    assert documents.loaded(document) == expected
    assert [value for _, value in values(iter([document.encode()]))] == [expected]


@pytest.mark.parametrize("size", [1, 50, 100_000])
def test_documents_behind_a_damaged_one_are_read(size):
    whole = json.dumps({"a": [1, {"b": "c"}]}, indent=1).encode()
    for cut in range(1, len(whole) - 1):
        content = b"\n".join([whole, whole[:cut], whole, whole, b"] and text", whole])
        found = [value for _, value in values_beyond(in_blocks(content, size))]
        good = [value for value in found if not isinstance(value, Damaged)]
        # A document that begins where a value was to come is taken for that value.
        assert len(good) == 4 - (whole[:cut].rstrip() == b'{\n "a":')
        assert len(found) == len(good) + 2


def test_damage_without_an_end_is_given_up():
    with pytest.raises(Damaged, match="nothing behind it was read"):
        list(values_beyond(iter([b"[1\n" * 1000])))
