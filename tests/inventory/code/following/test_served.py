from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code.following import served


def test_roots_that_web_servers_name(tmp_path: Path) -> None:
    root = Root(tmp_path).put(
        {
            "/etc/nginx/nginx.conf": "http {\n  # root /srv/comment;\n  include sites-enabled/*;\n}\n",
            "/etc/nginx/sites-enabled/shop": "server {\n\troot /srv/shop/public;\n\troot /srv/$host;\n}\n",
            "/etc/nginx/conf.d/short.conf": "server { listen 80; root /srv/short; }\n# server { root /srv/no; }\n",
            "/etc/apache2/sites-enabled/000-default.conf": '<VirtualHost *:80>\n  DocumentRoot "/srv/blog"\n',
            "/etc/php/8.2/fpm/pool.d/www.conf": "[www]\n;chdir = /var/www\nchdir = /srv/shop/public\n",
        }
    )
    assert served.roots(root.ground()) == ["/srv/short", "/srv/shop/public", "/srv/blog"]


def test_what_no_path_can_have_ends_one(tmp_path: Path) -> None:
    root = Root(tmp_path).put(
        {
            "/usr/sbin/php-fpm8.2": b"\x7fELF",
            "/srv/shop/index.php": "<?php\n",
            "/etc/nginx/nginx.conf": b"root /srv/shop\0x;\nroot /srv/\xff;\n",
        }
    )
    assert served.roots(root.ground()) == ["/srv/shop", "/srv/\ufffd"]
    assert "/srv/shop/index.php" in root.loaded(executable="/usr/sbin/php-fpm8.2")


def test_a_host_without_web_servers_and_one_with_too_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Root(tmp_path)
    assert served.roots(root.ground()) == []
    monkeypatch.setattr(served, "FILES_MAX", 5)
    root.put({f"/etc/nginx/conf.d/{number:02}.conf": f"root /srv/{number};\n" for number in range(20)})
    assert len(served.roots(root.ground())) < 5


@pytest.mark.parametrize(("limit", "value"), [("FILES_MAX", 3), ("ROOTS_MAX", 2)])
def test_more_sites_than_are_looked_at_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    root = Root(tmp_path).put({f"/etc/nginx/sites-enabled/{number}": f"root /srv/{number};\n" for number in range(60)})
    ground = root.ground()
    assert (len(served.roots(ground)), ground.more) == (60, False)
    monkeypatch.setattr(served, limit, value)
    assert (len(served.roots(ground)), ground.more) == (2, True)  # nginx.conf is not there
