"""The directories that web servers of a host serve: what an application server of such a language may be asked for.

Source: documentation of nginx, root; of the Apache HTTP server, DocumentRoot; of PHP's FPM, chdir.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from imds_probe.inventory.code.following.ground import Ground

FILES_MAX, ROOTS_MAX = 1000, 500
_FILES = (
    *("/etc/nginx/nginx.conf", "/etc/nginx/conf.d/", "/etc/nginx/sites-enabled/"),
    *("/etc/apache2/apache2.conf", "/etc/apache2/sites-enabled/", "/etc/httpd/conf/httpd.conf", "/etc/httpd/conf.d/"),
    *("/etc/apache2/vhosts.d/", "/usr/local/apache2/conf/httpd.conf", "/usr/local/apache2/conf/extra/"),
    *(
        "/opt/bitnami/apache/conf/httpd.conf",
        "/opt/bitnami/apache/conf/vhosts/",
        "/opt/bitnami/apache2/conf/httpd.conf",
    ),
    *("/etc/php-fpm.conf", "/etc/php-fpm.d/", "/etc/php/*/fpm/pool.d/"),
)
APACHE = frozenset(("apache", "httpd", "httpd-prefork"))  # without the number at the end
_MODULES = (
    *("/etc/apache2/mods-enabled/", "/etc/apache2/conf-enabled/", "/etc/apache2/apache2.conf", "/etc/apache2/conf.d/"),
    *("/etc/apache2/sysconfig.d/", "/etc/httpd/conf.modules.d/", "/etc/httpd/conf.d/", "/etc/httpd/conf/httpd.conf"),
    *(
        "/usr/local/apache2/conf/httpd.conf",
        "/opt/bitnami/apache/conf/httpd.conf",
        "/opt/bitnami/apache2/conf/httpd.conf",
    ),
)
_PHP = re.compile(rb"^[ \t]*LoadModule[ \t]+php\d{0,2}_module[ \t]+[^\s#]{1,400}libphp", re.MULTILINE | re.IGNORECASE)
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


def has_php(ground: Ground) -> bool:
    """Whether Apache's settings have it load PHP into itself. Of one that runs, what is mapped says so."""
    return any(ground.once(("apache loads php",), lambda: [_loads_php(ground)]))


def _loads_php(ground: Ground) -> bool:
    paths = ground.some(list(_settings(ground, _MODULES)), FILES_MAX)
    return any(_PHP.search(ground.small(path)) for path in paths)


def _settings(ground: Ground, patterns: Sequence[str] = _FILES) -> Iterator[str]:
    for pattern in patterns:
        if not pattern.endswith("/"):
            yield pattern
            continue
        for place in ground.matching(pattern):
            yield from (f"{place}/{name}" for name in sorted(ground.listed(place)))
