from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following import php
from imds_probe.inventory.code.following.php import asked_by

VENDOR = "/srv/app/vendor"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path).put({"/usr/bin/php8.2": "", "/usr/sbin/php-fpm8.2": ""})


def test_files_that_a_script_includes_and_classes_that_composer_loads(root: Root) -> None:
    root.put(
        {
            "/srv/app/run.php": "<?php\nrequire __DIR__ . '/vendor/autoload.php';\ninclude 'own.php';\n"
            "use Client\\Http;\nnew Http();",
            "/srv/app/own.php": "<?php // include 'never.php';\n",
            f"{VENDOR}/autoload.php": "<?php require_once __DIR__ . '/composer/autoload_real.php';",
            f"{VENDOR}/composer/autoload_psr4.php": "<?php return array('Client\\\\' => array($vendorDir . '/acme/client/src'),\n"
            "'Other\\\\' => array($vendorDir . '/acme/other/src'));",
            f"{VENDOR}/composer/autoload_files.php": "<?php return array('1' => $vendorDir . '/acme/always/functions.php');",
            f"{VENDOR}/acme/client/src/Http.php": "<?php namespace Client;\nclass Http extends Base {}",
            f"{VENDOR}/acme/client/src/Base.php": "<?php namespace Client;",
            f"{VENDOR}/acme/other/src/Never.php": "",
            f"{VENDOR}/acme/always/functions.php": "",
        }
    )
    assert root.loaded("php8.2", "-f", "run.php", directory="/srv/app") == {
        "/srv/app/run.php": None,
        f"{VENDOR}/autoload.php": None,
        "/srv/app/own.php": None,
        f"{VENDOR}/acme/always/functions.php": f"{VENDOR}/acme/always",
        f"{VENDOR}/acme/client/src/Http.php": f"{VENDOR}/acme/client",
        f"{VENDOR}/acme/client/src/Base.php": f"{VENDOR}/acme/client",
    }


def test_an_application_of_a_framework_with_the_command_that_is_asked_for(root: Root) -> None:
    commands = "/srv/app/app/Console/Commands"
    own = {"/srv/app/artisan": None, "/srv/app/app/Model.php": None, f"{commands}/Report.php": None}
    root.put(
        {
            **dict.fromkeys(own, ""),
            f"{commands}/Report.php": "$signature = 'shop:report'",
            f"{commands}/Other.php": "'x'",
        }
    )
    assert root.loaded("php8.2", "artisan", "shop:report", directory="/srv/app") == own
    every = root.loaded("php8.2", "artisan", "schedule:run", directory="/srv/app")
    assert every == {**own, f"{commands}/Other.php": None}


def test_what_a_server_serves_is_loaded_by_any_request(root: Root) -> None:
    root.put({"/var/www/html/index.php": "", "/var/www/html/vendor/x/y.php": "", "/var/www/readme.txt": ""})
    arguments = "php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)"
    assert root.loaded(arguments, executable="/usr/sbin/php-fpm8.2") == {"/var/www/html/index.php": None}
    root.put({"/etc/nginx/conf.d/shop.conf": "root /srv/shop/public;\n", "/srv/shop/public/index.php": ""})
    assert "/srv/shop/public/index.php" in root.loaded(arguments, executable="/usr/sbin/php-fpm8.2")


def test_a_server_is_known_by_what_it_could_serve(root: Root) -> None:
    """Where a web server names a directory without scripts, there are none. Where none names any, they may be anywhere."""
    of_server = {"executable": "/usr/sbin/php-fpm8.2"}
    assert root.follow("php-fpm: master process", **of_server).cut_short == unread.NO_SCRIPT
    root.put(
        {"/etc/nginx/sites-enabled/default": "server {\n\troot /var/www/html;\n}\n", "/var/www/html/index.html": ""}
    )
    assert root.follow("php-fpm: master process", **of_server).cut_short == ""


@pytest.mark.parametrize(
    ("text", "names", "dynamic"),
    [
        ("<?php include 'a.php';", ["a.php"], False),
        ("<?php require(dirname(__FILE__) . '/a.php');", ["{here}/a.php"], False),
        ("<?php require dirname(__DIR__) . '/a.php';", ["{here}/../a.php"], False),
        ("<?php include $page;", [], True),
        ("<?php /* include 'a.php'; */ # include 'b.php'\n", [], False),
    ],
)
def test_what_is_included(text: str, names: list[str], dynamic: bool) -> None:
    found = asked_by(text.encode())
    assert (list(found.names), found.dynamic) == (names, dynamic)


def test_hhvm(tmp_path: Path) -> None:
    root = Root(tmp_path).put({"/usr/bin/hhvm": "", "/app/x.php": "<?php include 'y.php';", "/app/y.php": ""})
    assert set(root.loaded("hhvm", "/app/x.php")) == {"/app/x.php", "/app/y.php"}


def test_libraries_of_a_site_take_no_room_from_its_own_code(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(php, "SERVED_MAX", 3)
    vendor = {f"/var/www/example.com/vendor/a/{number}.php": "<?php" for number in range(9)}
    root.put({"/usr/sbin/php-fpm": "", "/var/www/example.com/app/x.php": "<?php", **vendor})
    found = root.follow("php-fpm: pool www", executable="/usr/sbin/php-fpm")
    assert ([load.path for load in found.files if "www" in load.path], found.cut_short) == (
        ["/var/www/example.com/app/x.php"],
        "",
    )
    root.put({f"/var/www/html/{number}.php": "<?php" for number in range(4)})
    assert root.follow("php-fpm: pool www", executable="/usr/sbin/php-fpm").cut_short == unread.MORE


@pytest.mark.parametrize(
    ("server", "path", "text"),
    [
        (
            "apache2",
            "/etc/apache2/mods-enabled/php7.4.load",
            "LoadModule php7_module /usr/lib/apache2/modules/libphp7.4.so\n",
        ),
        (
            "httpd",
            "/etc/httpd/conf.modules.d/15-php.conf",
            "<IfModule x>\n  LoadModule php7_module modules/libphp7.so\n",
        ),
        ("httpd", "/opt/bitnami/apache/conf/httpd.conf", "LoadModule php_module modules/libphp.so\n"),
    ],
)
def test_a_web_server_that_will_have_php_in_it(root: Root, server: str, path: str, text: str) -> None:
    program = f"/usr/sbin/{server}"
    line = (program, "-k", "start")
    root.put({program: b"\x7fELF", "/srv/shop/index.php": "<?php include 'x.php';", "/srv/shop/x.php": ""})
    root.put({"/etc/apache2/sites-enabled/shop.conf": "DocumentRoot /srv/shop\n", path: text.replace("Load", "# Load")})
    assert set(root.loaded(*line)) == {program}
    root.put({path: text})
    assert set(root.loaded(*line)) == {"/srv/shop/index.php", "/srv/shop/x.php"}
    # What runs has mapped what it has.
    assert "/srv/shop/index.php" not in root.loaded(*line, executable=program, mapped=("/usr/lib/libapr-1.so.0",))


def test_servers_that_are_called_otherwise(tmp_path: Path) -> None:
    lsphp, franken = "/usr/local/lsws/lsphp74/bin/lsphp", "/usr/local/bin/frankenphp"
    files = {"/data/s/index.php": "<?php", "/home/u/public_html/a.php": "<?php", "/app/public/b.php": "<?php"}
    root = Root(tmp_path).put({**files, lsphp: "", franken: ""})
    served = root.loaded("lsphp:/data/s/index.php", executable=lsphp)
    assert set(served) == {"/data/s/index.php", "/home/u/public_html/a.php"}
    assert set(root.loaded("lsphp", executable=lsphp)) == {"/home/u/public_html/a.php"}
    assert set(root.loaded("frankenphp", "run", executable=franken, directory="/app")) == {"/app/public/b.php"}
    assert root.follow("frankenphp", "run", executable=franken, directory="/").cut_short == unread.NO_SCRIPT
