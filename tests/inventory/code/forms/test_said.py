"""What a program only says. Most of it is in the snippets."""

from __future__ import annotations

import pytest

from imds_probe.inventory.code.forms import lexing, php, python, ruby, said

URL = "http://169.254.169.254/latest/"


def is_said(text: str, syntax: lexing.Syntax) -> bool:
    layout = lexing.laid_out(text, syntax)
    assert layout is not None
    return said.is_said(layout, text.index(URL), speaks_http=said.SPEAKS_HTTP.search(layout.code) is not None)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (python, f"print('{URL}')", True),
        (python, f"print(get('{URL}'))", False),
        (python, f"print('x {{}}'.format('{URL}'))", True),
        (python, f"print(f'{{get({URL})}}')", False),
        (python, f"raise ValueError('{URL}')", True),
        (python, f"raise ValueError(get('{URL}'))", False),
        (python, f"f(help='{URL}')", True),
        (python, f"f(default='{URL}')", False),
        (python, f"sys.stderr.write('{URL}')", True),
        (python, f"post('https://example.com/', json={{'u': '{URL}'}})", True),
        (python, f"post('http://169.254.169.254/', json={{'u': '{URL}'}})", False),
        (python, f"s.connect_ex(('{URL}', 80))", True),
        (python, f"s.connect(('{URL}', 80))\ns.send(b'GET / HTTP/1.0')", False),
        (python, f"A = '{URL}'\nprint(A)\n", True),
        (python, f"A = '{URL}'\nprint(A)\nget(A)\n", False),
        (python, f"A = '{URL}'\n", False),
        (python, f"A = ['{URL}']\nfor a in A:\n    print(a)\n", True),
        (python, f"A = ['{URL}']\nfor a in A:\n    get(a)\n", False),
        (python, f"USAGE = '''\n{URL}\n'''\n", True),
        (ruby, f"puts '{URL}'", True),
        (ruby, f"puts `curl {URL}`", False),
        (ruby, f"puts get('{URL}')", False),
        (php, f"<?php echo '{URL}';", True),
        (php, f"<?php echo file_get_contents('{URL}');", False),
    ],
)
def test_what_is_only_said(language: object, text: str, expected: bool) -> None:
    assert is_said(text, language._LANGUAGE.syntax) is expected  # type: ignore[attr-defined]
