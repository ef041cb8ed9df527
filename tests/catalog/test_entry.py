import pytest

from imds_probe.catalog.entry import CatalogError, Entry, check_figure, flag, wrong


def test_what_nobody_asked_for_is_named_with_its_place():
    entry = Entry({"a": "x", "b": "y", "c": "z"}, "file.rows[3]")
    assert entry.text("a") == "x"
    with pytest.raises(CatalogError, match=r"file.rows\[3\] has unknown keys: b, c"):
        entry.done()


def test_entries_know_where_they_stand():
    (inner,) = Entry({"rows": [{"name": ""}]}, "file").entries("rows")
    with pytest.raises(CatalogError, match=r"file.rows\[0\].name must be a text that is not empty"):
        inner.text("name")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda entry: entry.take("none"), "has no none"),
        (lambda entry: entry.texts("number"), "must be a list"),
        (lambda entry: entry.entry("number"), "must be an object"),
        (lambda entry: entry.entries("number"), "must be a list"),
        (lambda entry: entry.figure("text"), "plain dotted number"),
        (lambda entry: entry.choice("text", ("a", "b")), "must be one of a, b"),
    ],
)
def test_each_shape_is_checked(call, said):
    with pytest.raises(CatalogError, match=said):
        call(Entry({"number": 5, "text": "x"}, "here"))


def test_absent_and_null_are_none():
    entry = Entry({"null": None}, "here")
    assert (entry.optional_text("null"), entry.figure("absent"), entry.entry("absent"), entry.entries("absent")) == (
        None,
        None,
        None,
        [],
    )


def test_the_rest():
    assert flag(True, "here") is True
    with pytest.raises(CatalogError, match="true or false"):
        flag("true", "here")
    with pytest.raises(CatalogError, match="plain dotted number"):
        check_figure("1.0-1", "here")
    assert "schema/catalog-v1.json" in str(wrong("here", "is odd").remedy)
