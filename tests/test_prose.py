"""Prose for users is plain, by docs/style.md, as far as a machine can tell: shapes that cost a second reading are refused.

What is refused was found in earlier texts of this project. A sentence that is right and is refused all the same is rare: put it
another way.
"""

from __future__ import annotations

import argparse
import ast
import html
import importlib
import json
import re
from collections.abc import Iterator

import pages
import pytest
import yaml

from imds_probe.collect.collectors import COLLECTORS
from imds_probe.commands import COMMANDS
from imds_probe.commands.configuration import sections
from imds_probe.config.keys import keys_of
from imds_probe.rules import RULES

GOLDEN = pages.ROOT / "tests/render/golden"
LONG_FROM = 6  # blanks
SQL = re.compile(r"\s*(?:select|insert|update|delete|create|alter|drop|with|pragma|from|where|and|join) (?!no |a )")
OF_A_REPORT = (
    *("summary", "text", "reasons", "reason", "means", "price", "instead", "notes", "waits_for", "template_waits_for"),
    *("settled_by", "no_rollback", "forgeable", "what", "evidence", "metadata_need_reason", "other_metadata_reason"),
)
DESCRIBING = ("description", "alarmdescription", "about", "label", "placeholder")
WORDS_MAX = 35  # between two of the marks that let a reader rest
# Each with what to do instead.
SHAPES = {
    r"^(?:What|Who|Whoever|Whatever|Which|Whichever|Whom) (?!.*\?$)": "begin with the noun: docs/style.md",
    r"\b(?:so|that|as|and|but) (?:what|who|whoever) (?:\w+ ){1,6}(?:is|are|has|have|was|were) (?!\w+ing)": "name it",
    r"^(?:[A-Z]\w+ed|Found|Read|Seen) (?:by|from|with|through|as|in) (?!.*, (?:the|it|imds-probe|an?) )": "say who does it",
    r"^Or (?!(?:give|rehearse|ask|raise|use|run|let|add|set) )": "not a sentence of its own: join it to the one before",
    r"\bsince tokens are required\b": "since IMDSv1 was turned off",
    r"\bof all of them\b": 'say "all" where it belongs',
    r"\bwhich (?:is|are|was|were|has|have)\b.*\bwhich (?:is|are|was|were|has|have)\b": "make two sentences",
    r"\bin order to\b": '"to" says the same',
    r"\bdue to the fact\b|\bthe fact that\b": "because",
    r"\bit should be noted\b|\b[Pp]lease note\b|^Note that\b": "say it at once",
    r"\b(?:utili[sz]e|leverage|functionality|facilitate)s?\b": "use a shorter word",
    r"\bprior to\b|\bsubsequent to\b": "before, after",
    r"\b(?:a number of|a variety of|a wide range of)\b": "how many, or which",
    r"\bhas been being\b|\b(?:is|are) being \w+ed\b": "say who does it",
    r"\b(?:is|are|was|were|be|been) \w+ed\b(?:(?! and | or )[^,;:])*\b(?:is|are|was|were|be|been) \w+ed\b"
    r"(?:(?! and | or )[^,;:])*\b(?:is|are|was|were|be|been) \w+ed\b": "three passives in one clause: say who does it",
    r"\b(?:simply|obviously|of course|basically|easily|seamless(?:ly)?|powerful)\b": "leave it out",
    r"^(?:For so|Below which|Over which|After so|Up to how) ": "begin with the noun: docs/style.md",
    r"\b(?:seems? to|appears to|it is possible that)\b": "say what is known",
    r"\b(?:round|session|helper)s? \d": "nobody knows what that counts",
    r"#\d+\b|\bissue \d+": "say it in words: nobody looks up numbers",
}


def paragraphs(text: str) -> Iterator[str]:
    """A page's paragraphs, entries of lists and cells of tables; no code, no headings, no comments."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    for part in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.|\|) )|^#.*$", text, flags=re.MULTILINE):
        entry = " ".join(re.sub(r"^\s*(?:[-*]|\d+\.)\s", "", part.strip()).split())
        yield from (cell.strip() for cell in re.split(r"(?<!\\)\|", entry))


def sentences(text: str) -> Iterator[str]:
    """Code in backquotes counts as one word."""
    text = re.sub(r"`[^`]*`", "X", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("**", "").replace("\\", "")
    yield from (each.strip() for each in re.split(r"(?<=[\w)%\"'][.!?])\s+", text) if each.strip())


def faults(text: str) -> list[str]:
    """What is wrong with a text, each with the sentence."""
    found = []
    for paragraph in paragraphs(text):
        for sentence in sentences(paragraph):
            for part in re.split(r"[;:] | - ", sentence):
                if (count := len(re.sub(r"\([^)]*\)", "", part).split())) > WORDS_MAX:
                    found.append(f"{count} words: {part}")
            found += [f"{say}: {sentence}" for shape, say in SHAPES.items() if re.search(shape, sentence)]
    return found


def declared() -> Iterator[tuple[str, str]]:
    """Texts of the program, each with what it belongs to."""
    for rule in RULES:
        for kind in rule.kinds:
            yield f"finding {kind.id}", f"{kind.title}.\n\n{kind.meaning}\n\n{kind.cure}\n\n{kind.not_acceptable}"
    for key in keys_of(sections()):
        yield f"setting {key.name}", f"{key.help}\n\n{key.table_help}"
    for collector in COLLECTORS:
        yield f"collector {collector.id}", collector.without
    for name, line in COMMANDS.items():
        parser = argparse.ArgumentParser()
        importlib.import_module(f"imds_probe.commands.{name}").add_arguments(parser)
        helps = [action.help for action in parser._actions if action.help]
        yield f"help of {name}", "\n\n".join((line[0].upper() + line[1:], *helps))


def raised() -> Iterator[tuple[str, str]]:
    """What errors say, and what remedy they name: the texts of each call of a class whose name ends so."""
    for path in sorted((pages.ROOT / "imds_probe").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name.endswith(("Error", "Refused", "SwitchedOff")):
                yield f"{path.relative_to(pages.ROOT)}:{node.lineno}", "\n\n".join(filter(None, map(said, node.args)))


def built() -> Iterator[tuple[str, str]]:
    """Texts in the code besides: summaries, fixes, steps, lines of pages and of progress. Short ones are names and parts of others;
    what is split into words, and what a database is asked, is no text.
    """
    for path in sorted((pages.ROOT / "imds_probe").rglob("*.py")):
        tree = ast.parse(path.read_text())
        no_texts = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
        for each in ast.walk(tree):
            if isinstance(each, ast.JoinedStr):
                no_texts |= {id(part) for part in ast.walk(each) if part is not each}
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
                no_texts |= {id(each.func.value)} if each.func.attr == "split" else set()
                no_texts |= set(map(id, each.args)) if each.func.attr.startswith("execute") else set()
            if isinstance(each, ast.Call) and getattr(each.func, "id", "") == "_words":
                no_texts |= set(map(id, each.args))
        for each in ast.walk(tree):
            if not isinstance(each, (ast.Constant, ast.JoinedStr)) or id(each) in no_texts:
                continue
            text = said(each)
            if text.count(" ") >= LONG_FROM and not SQL.match(text):
                yield f"{path.relative_to(pages.ROOT)}:{each.lineno}", text


def reported() -> Iterator[tuple[str, str]]:
    """The same as reports have them, with what they are about. Commands and what is quoted are no prose."""
    for path in sorted(GOLDEN.glob("*.json")):
        for key, text in strings(json.loads(path.read_text())):
            if key in OF_A_REPORT and text:
                yield f"{path.name}, {key}", text


def for_aws() -> Iterator[tuple[str, str]]:
    """Descriptions in documents of Systems Manager, templates of CloudFormation, packages and issue forms."""
    for directory in ("packaging", "examples", ".github"):
        for path in sorted((pages.ROOT / directory).rglob("*.y*ml")):
            for document in yaml.load_all(path.read_text(), Loader=_Tags):
                for key, text in strings(document):
                    if key.lower() in DESCRIBING:
                        yield f"{path.name}, {key}", text


def on_pages() -> Iterator[tuple[str, str]]:
    """Words of the HTML page's own, an element a paragraph."""
    for path in sorted((pages.ROOT / "imds_probe/render/web/parts").glob("*.html")):
        text = re.sub(r"{%.*?%}|{#.*?#}", "", path.read_text(), flags=re.DOTALL)
        text = re.sub(r"</?(?:b|code|em|i|span|strong)\b[^>]*>", "", re.sub(r"{{.*?}}", "X", text, flags=re.DOTALL))
        yield path.name, "\n\n".join(html.unescape(part).strip() for part in re.split(r"<[^>]*>", text))


def in_manuals() -> Iterator[tuple[str, str]]:
    """The manual pages, those that are written and those that are made."""
    for path in sorted((pages.ROOT / "packaging").rglob("*.1")):
        titled = re.sub(r"(?<=^\.TP\n)\.(?:B|I|BR|IR|BI) .*(?:\n\.BR .*)*", "", path.read_text(), flags=re.MULTILINE)
        lines = [re.sub(r"^\.(?:B|I|BR|IR|BI) ", "", line) for line in titled.splitlines()]
        yield path.name, re.sub(r"\\f[A-Z]|\\", "", "\n".join("" if line.startswith(".") else line for line in lines))


def of_units() -> Iterator[tuple[str, str]]:
    """Comments of units, and what they are called."""
    for path in sorted((pages.ROOT / "systemd").iterdir()):
        for block in re.findall(r"(?:^#.*\n)+", path.read_text(), re.MULTILINE):
            yield path.name, re.sub(r"^# ?", "", block, flags=re.MULTILINE)
        yield from ((path.name, text) for text in re.findall(r"^Description=(.*)$", path.read_text(), re.MULTILINE))


class _Tags(yaml.SafeLoader):
    """Takes CloudFormation's own tags for nothing."""


_Tags.add_multi_constructor("!", lambda loader, suffix, node: None)


def strings(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Each text of a document, with the name that it stands behind."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from strings(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, key)
    elif isinstance(value, str):
        yield key, value


def said(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
    return ""


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_pages(page):
    text = page.read_text()
    if page.name == "style.md":
        text = re.sub(r"^\| before \|.*?^$", "", text, flags=re.MULTILINE | re.DOTALL)  # has what is wrong, to show it
    assert faults(text) == []


def test_texts_of_the_program():
    assert {place: found for place, text in declared() if (found := faults(text))} == {}


def test_errors():
    texts = dict(raised())
    assert len(texts) > 200
    assert {place: found for place, text in texts.items() if (found := faults(text))} == {}


@pytest.mark.parametrize(
    ("texts", "least"),
    [(built, 1500), (reported, 100), (for_aws, 100), (on_pages, 2), (in_manuals, 10), (of_units, 40)],
    ids=["built", "reported", "for_aws", "on_pages", "in_manuals", "of_units"],
)
def test_texts_elsewhere(texts, least):
    found = list(texts())
    assert len(found) > least - 1
    assert [(place, wrong) for place, text in found if (wrong := faults(text))] == []


def test_where_texts_are_looked_for():
    """A summary in code, a parameter's description and a heading of the page are among what is held to the rules."""
    assert any(
        "receives no token" in text for place, text in built() if place.startswith("imds_probe/rules/containers")
    )
    assert any("the command fails without a verdict" in text for _, text in for_aws())
    assert any("Skip to the findings" in text for _, text in on_pages())
    assert any("no old software was found" in text for _, text in reported())
    assert not any(text.startswith("select ") for _, text in built())


@pytest.mark.parametrize(
    "text",
    [
        "What the token does not reach is the container.",
        "- Who asks is named.",
        "| x | Whoever asks is named |",
        "The SDKs could not be seen of all of them.",
        "- **Counted** from the packets of all interfaces.",
        "Either it runs. Or nobody starts it.",
        "It was refused since tokens are required.",
        "It reads a file, which is small and which has a name, which are both known.",
        "The file is opened when it is needed as it is named.",
        "Please note that it works.",
        "2 containers do not seem to need one.",
        "For so long each run watches.",
        " ".join(["word"] * 36),
    ],
)
def test_what_it_is_for_is_found(text):
    assert len(faults(text)) >= 1


@pytest.mark.parametrize(
    "text",
    [
        "What must change first?",
        "## What it costs",
        "```\nWhat this is\n```",
        "The file says what it is, and `What is here` is code.",
        "It needs " + ", ".join(["one"] * 20) + ": " + ", ".join(["more"] * 20) + ".",
    ],
)
def test_what_is_plain_is_let_through(text):
    assert faults(text) == []
