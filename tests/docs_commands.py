"""The commands that the pages have in their blocks for a shell."""

import re
import shlex

import pages


def lines(text):
    """Each line as the shell takes it: those that a backslash or a quotation mark continues are one."""
    held = ""
    for line in text.replace("\\\n", " ").splitlines():
        held += re.sub(r"(^|\s)#.*", "", line) + "\n"
        if held.count("'") % 2 == 0:
            yield held
            held = ""


def commands():
    """Each simple command of each page, as a list of words: without comments, pipes and sudo."""
    for page in pages.PAGES:
        text = "".join(text for language, text in pages.blocks(page) if language == "sh")
        for line in lines(text):
            words = shlex.shlex(line, posix=True, punctuation_chars="|;&<>")
            words.whitespace_split = True
            one = []
            for word in [*words, ";"]:
                if word.strip("|;&"):
                    one.append(word)
                    continue
                one = one[1:] if one[:1] == ["sudo"] else one
                if one:
                    # In a copy of the project the program is in its virtual environment.
                    yield page.name, [one[0].removeprefix(".venv/bin/"), *one[1:]]
                one = []


ALL = list(commands())
OURS = sorted({tuple(words[1:]) for _, words in ALL if words[0] == "imds-probe"})
