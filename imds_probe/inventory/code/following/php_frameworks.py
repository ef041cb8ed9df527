"""Commands of PHP's frameworks: an application's own code, which they load by the names of classes that they put together.

Source: the documentation of Laravel (artisan), Symfony (bin/console), Yii, Magento, CakePHP, CodeIgniter, WP-CLI (--path) and Drush
(--root).
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterator, Sequence

from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import Load
from imds_probe.inventory.sdks.start import Start

ENDS, FILES_MAX, PLACES_MAX, TEXT_MAX_BYTES = (".php", ".inc", ".phtml"), 3000, 60, 64 * 1024
_OWN = ("app", "src", "routes", "bootstrap")  # of Laravel and Symfony, whose commands are classes of one place
# Nobody's code, or that of others.
_ASIDE = frozenset(
    (
        *("vendor", "node_modules", "tests", "test", "var", "storage", "cache", "generated", "docs", "locale", "i18n"),
        *(
            "assets",
            "static",
            "media",
            "uploads",
            "public",
            "pub",
            "translations",
            "lang",
            "wp-admin",
            "wp-includes",
            "core",
        ),
    )
)
_LOADS_BY_CLASS = re.compile(
    rb"\bnew[ \t]{1,9}\\?(?:\w{1,60}\\){0,8}\w{0,60}(?:Application|Kernel|Cli|Console|App)\b|"
    rb"\b(?:require|include)(?:_once)?\b[^;\n]{0,200}(?:bootstrap|kernel|framework)",
    re.IGNORECASE,
)
# Of sites that a command of its own works on: the option that says where one lies, and a file that it has.
_SITES = {
    **dict.fromkeys(("wp", "wp-cli", "wp-cli.phar"), ("--path", "wp-load.php")),
    **dict.fromkeys(("drush", "drush.php", "drush.phar", "drupal"), ("--root", "index.php")),
}


def of_framework(start: Start, script: str, rest: Sequence[str], ground: Ground) -> Iterator[Load]:
    """What a command loads by the names of classes; of Laravel and Symfony, of its commands only the one that is asked for, and
    all where the frameworks' own scheduler is.
    """
    directory, name = posixpath.split(script)
    if name == "artisan" or script.endswith("/bin/console"):
        yield from _one_command(directory if name == "artisan" else posixpath.dirname(directory), rest, ground)
        return
    if name in _SITES:
        option, mark = _SITES[name]
        named = [word.partition("=")[2] for word in rest if word.startswith(f"{option}=")]
        places = [*map(start.path, named), start.directory, f"{start.directory}/web", posixpath.dirname(directory)]
        root = next((place for place in places if ground.has(f"{place}/{mark}")), "")
        yield from _whole(root, ground) if root else ()
        return
    for root in (directory, posixpath.dirname(directory)):
        if root != "/" and (ground.has(f"{root}/vendor/autoload.php") or ground.has(f"{root}/composer.json")):
            if _LOADS_BY_CLASS.search(ground.small(script, TEXT_MAX_BYTES)):
                yield from _whole(root, ground)
            return


def _one_command(root: str, rest: Sequence[str], ground: Ground) -> Iterator[Load]:
    asked_for = next((word for word in rest if not word.startswith("-")), "").encode("utf-8", "replace")
    every = not asked_for or asked_for.startswith((b"schedule:", b"queue:", b"messenger:"))
    for place in _OWN:
        for path in ground.walked(f"{root}/{place}", ENDS, FILES_MAX, of_program=True):
            if every or "/Command" not in path or asked_for in ground.small(path):
                yield Load(path)


def _whole(root: str, ground: Ground) -> Iterator[Load]:
    names = [name for name in sorted(ground.listed(root)) if name not in _ASIDE and not name.startswith(".")]
    files = (
        path
        for name in names[:PLACES_MAX]
        for path in ([f"{root}/{name}"] if name.endswith(ENDS) else ground.walked(f"{root}/{name}", ENDS, FILES_MAX))
    )
    yield from (Load(path) for path in itertools.islice(files, FILES_MAX) if "/vendor/" not in path)
