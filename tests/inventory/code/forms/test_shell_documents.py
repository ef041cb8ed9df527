"""Here-documents: where they stand, and what is read of them."""

from __future__ import annotations

import pytest

from imds_probe.inventory.code.forms.shell_documents import Document, documents_of


def of(text: str) -> list[Document]:
    return list(documents_of(text, text).values())


@pytest.mark.parametrize(
    ("text", "content", "is_open"),
    [
        ("a <<E\nb\nE\n", "b\n", True),
        ("a <<'E'\n$b\nE\n", "$b\n", False),
        ('a <<"E"\nb\nE', "b\n", False),
        ("a <<\\E\nb\nE", "b\n", False),
        ("a <<-E\n\tb\n\tE\n", "\tb\n", True),
        ("x=$(a <<E\nb\nE\n)", "b\n", True),
        ("x=$(a <<E\nb\nE)", "b\n", True),
        ("a <<E | c\nb\nEE\nE\n", "b\nEE\n", True),
    ],
)
def test_one(text: str, content: str, is_open: bool) -> None:
    (document,) = of(text)
    assert (document.content, document.open) == (content, is_open)
    assert text[document.begin : document.end] == content


def test_two_of_one_line() -> None:
    assert [each.content for each in of("a <<E <<F\nb\nE\nc\nF\n")] == ["b\n", "c\n"]


@pytest.mark.parametrize("text", ["a <<E\nb\n", "a <<< E\nE\n", "a <<E"])
def test_none(text: str) -> None:
    assert of(text) == []


@pytest.mark.parametrize(
    ("line", "file"),
    [("cat > /x.py <<E", "/x.py"), ("cat <<E >>'/x.py'", "/x.py"), ("tee -a /x <<E", "/x"), ("a <<E", "")],
)
def test_what_it_is_written_to(line: str, file: str) -> None:
    assert of(f"{line}\nb > c\nE\n")[0].file == file
