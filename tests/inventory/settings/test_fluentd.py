from __future__ import annotations

import pytest

from imds_probe.inventory.settings.fluentd import included_files, is_directives, plugins, plugins_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("<match **>\n  @type a\n  b c d\n</match>\n", {"a": [{"@type": "a", "b": "c d"}]}),
        ("<match>\n  type a # x\n  b 'c # d'\n</match>", {"a": [{"type": "a", "b": "c # d"}]}),
        ("<label @x>\n<filter>\n@type a\n<record>\nb c\n</record>\n</filter>\n</label>", {"a": [{"@type": "a"}]}),
        ("<match>\n# @type a\n@type b\n</match>\n</match>\n@type c\n", {"b": [{"@type": "b"}]}),
        ("<match>\n@type a\n</match>\n<match>\n@type a\n</match>", {"a": [{"@type": "a"}, {"@type": "a"}]}),
        ("<match>\n@type a\n", {}),
        ("<match\t**>\n\t@type\ta\n\tb\tc\td \n  e \t f\n</match>", {"a": [{"@type": "a", "b": "c\td", "e": "f"}]}),
        ("<match>\n@type a\nb\n</match>", {"a": [{"@type": "a", "b": ""}]}),
    ],
)
def test_plugins_by_their_types(text: str, found: object) -> None:
    assert plugins(text) == found


def test_plugins_in_a_document_that_holds_itself() -> None:
    document: dict[str, object] = {"config": [{"filter": {"$type": "a", "b": True}}, {"source": {"$type": 1}}]}
    document["again"] = document
    assert plugins_of(document) == {"a": [{"$type": "a", "b": True}]}


def test_what_is_included_and_what_is_of_the_own_format() -> None:
    assert included_files("@include a/*.conf\n  include 'b.conf'\n@include\n# @include c\n") == ["a/*.conf", "b.conf"]
    assert included_files("\t@include\ta.conf\ninclude\t\t'b.conf'\t\n@include\t\n") == ["a.conf", "b.conf"]
    assert [is_directives(each) for each in ("<source>", "@include x", "config:\n- a\n")] == [True, True, False]
