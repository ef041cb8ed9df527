"""Programs around what asks: in each language one that asks again and again, and one that asks once and ends.

What asks is a few lines of the language, as a user's own program has them. For a shell they print what they were told; for
other languages they are the body of a function `ask` that returns it. Around them stands only this: a line `asked:` with
what came of it, after each time. A client works where that line has what it asked for.

A "command" is a program that prints such lines by itself: what was compiled lies in its layer, and `ask` are the words that
start it, to which `--again` is added where it is to ask again. Its file is the short script that replaces itself by it, as
launchers of such programs are.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

MARK = "asked:"
PAUSE_S = 1  # between two questions
# A program that is to ask later waits for this file, below its own root.
GO = "/tmp/go"
# One that asks on call waits for this file with its process id behind the point, and removes it.
CALL = "/tmp/ask"

_SHELL = """\
#!/bin/sh
said=$(
{ask}
)
echo "asked:" $said
"""
_SHELL_AGAIN = """\
#!/bin/sh
{prologue}{wait}while true; do
    said=$(
{ask}
    )
    echo "asked:" $said
    {pause}
done
"""
_ON_CALL = f"""\
until [ -e {CALL}.$$ ]; do sleep 0.2; done
    rm {CALL}.$$"""
_PYTHON = """\
#!{interpreter}
import sys
import time
{prologue}

def ask():
{ask}

def main():
    try:
        said = ask()
    except Exception as trouble:
        said = "%s %s" % (type(trouble).__name__, trouble)
    sys.stdout.write("asked: %s\\n" % (said,))
    sys.stdout.flush()

"""
_PYTHON_ONCE = """\
main()
"""
_PYTHON_AGAIN = """\
{wait}while True:
    main()
    time.sleep({pause_s})
"""
_PYTHON_WAIT = """\
import os
while not os.path.exists("{go}"):
    time.sleep(0.1)
"""
_NODE = """\
{prologue}
async function ask() {{
{ask}
}}
async function main() {{
  let said
  try {{
    said = await ask()
  }} catch (trouble) {{
    said = `${{trouble.name}} ${{trouble.message}}`
  }}
  console.log(`asked: ${{said}}`.replace(/\\n/g, " "))
"""
_NODE_ONCE = """\
}
main()
"""
_NODE_AGAIN = """\
  setTimeout(main, {pause_s} * 1000)
}}
main()
"""
_PERL = """\
#!/usr/bin/perl
use strict;
use warnings;
{prologue}
$| = 1;
sub ask {{
{ask}
}}
sub main {{
    my $said = eval {{ ask() }};
    $said = "failed $@" unless defined $said;
    $said =~ s/\\n/ /g;
    print "asked: $said\\n";
}}
"""
_RUBY = """\
#!/usr/bin/ruby
{prologue}
def ask
{ask}
end

def main
  begin
    said = ask
  rescue StandardError => trouble
    said = "#{{trouble.class}} #{{trouble}}"
  end
  puts "asked: #{{said}}".gsub("\\n", " ")
  $stdout.flush
end

"""
_PHP = """\
#!/usr/bin/php
<?php
{prologue}
function ask() {{
{ask}
}}

function main() {{
    try {{
        $said = ask();
    }} catch (Throwable $trouble) {{
        $said = get_class($trouble) . " " . $trouble->getMessage();
    }}
    echo str_replace("\\n", " ", "asked: $said"), "\\n";
}}

"""
# By language: what stands around the function, what calls it once, and what calls it again and again.
_SCRIPTS = {
    "perl": (_PERL, "main();\n", f"while (1) {{ main(); sleep {PAUSE_S}; }}\n"),
    "ruby": (_RUBY, "main\n", f"loop {{ main; sleep {PAUSE_S} }}\n"),
    "php": (_PHP, "main();\n", f"while (true) {{ main(); sleep({PAUSE_S}); }}\n"),
}
_PLACES = {
    "sh": "/usr/local/bin/app%s",
    "command": "/usr/local/bin/app%s",
    "python": "/opt/app/main%s.py",
    "node": "/srv/app/main%s.js",
    "perl": "/usr/local/bin/app%s.pl",
    "ruby": "/opt/app/main%s.rb",
    "php": "/var/www/app/main%s.php",
}
_INTERPRETERS = {"sh": "/bin/sh", "command": "/bin/sh", "python": "/usr/bin/python3"}


@dataclass(frozen=True)
class Program:
    """What asks. `interpreter` is the path of what runs it, `prologue` what stands before the function in its file."""

    language: str  # sh, command, python, node, perl, ruby, php
    ask: str
    prologue: str = ""
    interpreter: str = ""

    def path(self, number: int = 0) -> str:
        """Where its file is put, beside those of others with another number."""
        return _PLACES[self.language] % (str(number + 1) if number else "")

    def argv(self, number: int = 0) -> tuple[str, ...]:
        """How it is started, where its file is at `path`."""
        runs = self.interpreter or _INTERPRETERS.get(self.language, f"/usr/bin/{self.language}")
        return runs, self.path(number)

    @property
    def starts_itself(self) -> bool:
        """Whether it is started by its own path, as crontabs have scripts."""
        return self.language in ("sh", "command", "perl")

    def text(self, *, again: bool, on_call: bool = False, later: bool = False) -> str:
        """Its file: to ask `again` and again, or once. `on_call`, a shell's only: again when there is a file at CALL.
        `later`: not before there is a file at GO.
        """
        if self.language == "sh":
            ask = textwrap.indent(textwrap.dedent(self.ask).strip(), "        " if again else "    ")
            wait = f"while [ ! -e {GO} ]; do sleep 0.1; done\n" if later else ""
            prologue = self.prologue.strip() and self.prologue.strip() + "\n"
            if again:
                pause = _ON_CALL if on_call else f"sleep {PAUSE_S}"
                return _SHELL_AGAIN.format(ask=ask, prologue=prologue, pause=pause, wait=wait)
            return _SHELL.format(ask=ask)
        if self.language == "command":
            return f"#!/bin/sh\nexec {self.ask}{' --again' if again else ''}\n"
        ask = textwrap.indent(textwrap.dedent(self.ask).strip(), "  " if self.language in ("node", "ruby") else "    ")
        prologue = textwrap.dedent(self.prologue).strip() + "\n"
        if self.language == "python":
            head = _PYTHON.format(ask=ask, prologue=prologue, interpreter=self.argv()[0])
            wait = _PYTHON_WAIT.format(go=GO) if later else ""
            return head + (_PYTHON_AGAIN.format(pause_s=PAUSE_S, wait=wait) if again else _PYTHON_ONCE)
        if self.language == "node":
            head = _NODE.format(ask=ask, prologue=prologue)
            return head + (_NODE_AGAIN.format(pause_s=PAUSE_S) if again else _NODE_ONCE)
        around, once, repeated = _SCRIPTS[self.language]
        return around.format(ask=ask, prologue=prologue) + (repeated if again else once)
