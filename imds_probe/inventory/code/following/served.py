"""The directories that web servers of a host serve: what an application server of such a language may be asked for.

Source: documentation of nginx, root; of the Apache HTTP server, DocumentRoot; of PHP's FPM, chdir.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from imds_probe.inventory.code.following.ground import Ground

FILES_MAX, ROOTS_MAX = 1000, 500
_FILES = (
    *("/etc/nginx/nginx.conf", "/etc/nginx/conf.d/", "/etc/nginx/sites-enabled/"),
    *("/etc/apache2/apache2.conf", "/etc/apache2/sites-enabled/", "/etc/httpd/conf/httpd.conf", "/etc/httpd/conf.d/"),
    *("/etc/php-fpm.conf", "/etc/php-fpm.d/", "/etc/php/*/fpm/pool.d/"),
)
_ROOT = re.compile(
    rb"^[ \t]*(?:[a-z][^#\n]{0,200}[{;][ \t]*)?(?:root[ \t]+|DocumentRoot[ \t]+|chdir[ \t]*=[ \t]*)[\"']?(/[^\"';#\s\0]{0,300})",
    re.MULTILINE,
)


def roots(ground: Ground) -> list[str]:
    """Those that their settings name, each once; not those put together from variables."""
    found: dict[str, None] = {}
    for path in ground.some(list(_settings(ground)), FILES_MAX):
        for match in _ROOT.finditer(ground.small(path)):
            root = match[1].decode("utf-8", "replace")
            found.update({root: None} if "$" not in root and len(root) > 1 else {})
    return list(ground.some(list(found), ROOTS_MAX))


def _settings(ground: Ground) -> Iterator[str]:
    for pattern in _FILES:
        if not pattern.endswith("/"):
            yield pattern
            continue
        for place in ground.matching(pattern):
            yield from (f"{place}/{name}" for name in sorted(ground.listed(place)))
