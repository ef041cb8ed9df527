"""The report as one HTML page without scripts or outside resources, to attach to a ticket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape as html_escape

from imds_probe.escape import terminal
from imds_probe.render.page.blocks import Block, Code, Command, Fields, Item, Page, Table, Text
from imds_probe.render.page.bounds import LONG
from imds_probe.render.page.page import page_of
from imds_probe.report import Report

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222}"
    "h1{font-size:1.5em}h1 span{padding:.1em .5em;border-radius:.2em;color:#fff}"
    "h2{font-size:1.2em;margin:1.6em 0 .4em;border-bottom:1px solid #ddd}h3{font-size:1em;margin:1em 0 .2em}"
    ".red,.blocker{background:#b3261e}.green{background:#1e7a34}.yellow,.warning{background:#8a5a00}.info{background:#555}"
    "h3 span{padding:0 .4em;border-radius:.2em;color:#fff;font-weight:normal;margin-right:.3em}"
    "p{margin:.3em 0}pre{background:#f4f4f4;padding:.7em;margin:.4em 0;white-space:pre-wrap;overflow-wrap:anywhere}"
    "div{overflow-x:auto}table{border-collapse:collapse;font-size:.9em}caption{text-align:left;font-weight:bold}"
    "td,th{text-align:left;vertical-align:top;padding:.2em 1.2em .2em 0;border-bottom:1px solid #eee}"
    ".label{color:#555}footer{margin-top:2em;color:#555}"
)


def render(report: Report, *, kept: bool = False) -> str:
    """A complete document. The content policy in it forbids scripts, whatever a name in the report holds."""
    return "\n".join(_lines(page_of(report, LONG, kept=kept)))


def _lines(page: Page) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield f"<title>{_text(f'{page.headline} {page.host}'.strip())}</title><style>{STYLE}</style></head><body>"
    yield f'<h1><span class="{page.colour}">{_text(page.headline)}</span> {_text(page.host)}</h1>'
    yield f"<p>{_text(page.sentence)}</p>"
    for part in page.parts:
        yield f"<h2>{_text(part.heading)}</h2>"
        for block in part.blocks:
            yield from _block(block)
    yield "<footer>"
    for hint in page.hints:
        yield f"<p>{_text(hint.shows)}: <code>{_text(hint.command)}</code></p>"
    yield "</footer></body></html>"
    yield ""


def _text(value: str) -> str:
    return html_escape(terminal(value))


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Text):
        yield f"<p>{_text(block.text)}</p>"
    elif isinstance(block, Fields):
        yield "<table>"
        yield from (f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in block.rows)
        yield "</table>"
    elif isinstance(block, Table):
        yield from _table(block)
    elif isinstance(block, Command):
        yield _commands((block.command,))
    elif isinstance(block, Code):
        yield _commands(block.lines)
    else:
        yield from _item(block)


def _table(block: Table) -> Iterator[str]:
    yield "<div><table>"
    if block.title:
        yield f"<caption>{_text(block.title)}</caption>"
    for tag, line in (("th", block.columns), *(("td", row) for row in block.rows)):
        yield "<tr>" + "".join(f"<{tag}>{_text(cell)}</{tag}>" for cell in line) + "</tr>"
    yield "</table></div>"
    if block.more:
        yield f"<p>{_text(block.more)}</p>"


def _item(block: Item) -> Iterator[str]:
    yield f'<h3><span class="{block.severity}">{_text(block.severity)}</span> {_text(block.summary)}</h3>'
    for label, lines in block.labelled:
        yield f'<p><span class="label">{label}:</span> {"<br>".join(_text(line) for line in lines)}</p>'
    if block.commands:
        yield _commands(block.commands)


def _commands(commands: Iterable[str]) -> str:
    return f"<pre>{'<br>'.join(_text(command) for command in commands)}</pre>"
