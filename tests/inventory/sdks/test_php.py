from __future__ import annotations

import json
from pathlib import Path

import pytest
from program_starts import start
from small_roots import made

from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.php import RECOGNISER, libraries_in
from imds_probe.inventory.sdks.recogniser import Located
from imds_probe.system.rootfs import FileUnreadable

PACKAGES = [{"name": "aws/aws-sdk-php", "version": "v3.147.7"}, {"name": "monolog/monolog", "version": "1.0"}]


def look(root: Path, content: object) -> list[Located]:
    place = root / "vendor/composer/installed.json"
    place.parent.mkdir(parents=True)
    place.write_text(content if isinstance(content, str) else json.dumps(content))
    return list(libraries_in(root, "/vendor/composer", ["aws/aws-sdk-php"]))


@pytest.mark.parametrize("content", [PACKAGES, {"packages": PACKAGES, "dev": True}])
def test_composer_1_and_2(tmp_path: Path, content: object) -> None:
    library = Library("composer", "aws/aws-sdk-php", "3.147.7", "installed.json")
    assert look(tmp_path, content) == [Located(library, "/vendor/composer/installed.json")]


@pytest.mark.parametrize("content", [{}, [], {"packages": {}}, {"packages": [1, {"name": 5}]}, "5"])
def test_other_shapes_hold_nothing(tmp_path: Path, content: object) -> None:
    assert look(tmp_path, content) == []


@pytest.mark.parametrize("version", [None, 5, "1\x1b[31m", "x" * 500])
def test_a_version_that_none_can_be(tmp_path: Path, version: object) -> None:
    (located,) = look(tmp_path, [{"name": "aws/aws-sdk-php", "version": version}])
    assert located.found.version is None


def test_what_is_not_json_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="is not JSON"):
        look(tmp_path, "{")


def test_nothing_there_is_nothing(tmp_path: Path) -> None:
    assert list(libraries_in(tmp_path, "/none", ["aws/aws-sdk-php"])) == []


SDK = "<?php\nnamespace My\\Prefix\\Aws;\n\n/** SDK */\nclass Sdk\n{\n    const VERSION = '3.100.1';\n"


def test_a_record_that_is_damaged_leaves_the_sources(tmp_path: Path) -> None:
    place = tmp_path / "vendor/aws/aws-sdk-php/src/Sdk.php"
    place.parent.mkdir(parents=True)
    place.write_text(SDK)
    (tmp_path / "vendor/composer").mkdir()
    (tmp_path / "vendor/composer/installed.json").write_text("{")
    looked = libraries_in(tmp_path, "/vendor/composer", ["aws/aws-sdk-php"])
    assert next(looked).found.version == "3.100.1"
    with pytest.raises(FileUnreadable, match="is not JSON"):
        next(looked)


def test_sources_that_a_record_has_are_found_once(tmp_path: Path) -> None:
    look(tmp_path, PACKAGES)
    place = tmp_path / "vendor/aws/aws-sdk-php/src/Sdk.php"
    place.parent.mkdir(parents=True)
    place.write_text(SDK)
    assert list(libraries_in(tmp_path, "/vendor/aws/aws-sdk-php", ["aws/aws-sdk-php"])) == []


def test_prefixed_copies_and_archives_are_looked_for_by_the_script() -> None:
    found = list(RECOGNISER.runtime.places(start("php", "/srv/app/bin/run.php", executable="/usr/bin/php8.2", cwd="/")))
    assert {"/srv/app/vendor_prefixed/aws/aws-sdk-php", "/srv/app/bin/*.phar", "/srv/app/aws.phar"} <= set(found)


def test_a_php_worker_may_serve_any_application() -> None:
    started = start("php-fpm: pool www", executable="/usr/sbin/php-fpm8.2", cwd="/")
    found = list(RECOGNISER.runtime.places(started))
    assert "/var/www/*/vendor/composer" in found
    assert "/vendor/composer" in found


FPM = "/usr/sbin/php-fpm8.2"


@pytest.mark.parametrize(
    ("content", "executable", "found"),
    [
        ("server {{ root {0}; }}\n", FPM, True),
        ("server {{ root {0}/public; }}\n", FPM, True),
        ("# root {0};\n", FPM, False),
        ("server {{ root {0}; }}\n", "/usr/sbin/apache2", True),
        ("server {{ root {0}; }}\n", "/usr/bin/php8.2", False),
        ("server {{ root {0}; }}\n", "/usr/bin/php-cgi8.2", True),
    ],
)
def test_a_server_has_what_lies_where_web_servers_say(
    tmp_path: Path, content: str, executable: str, *, found: bool
) -> None:
    made(tmp_path, {"/etc/nginx/sites-enabled/shop": content.format("/data/shop")})
    own = RECOGNISER.runtime.own_code(start("it", executable=executable, root=tmp_path, cwd="/"), ["aws/aws-sdk-php"])
    assert ({"/data/shop/vendor/composer", "/data/shop/wp-content/plugins/*/vendor/*/Aws"} <= set(own.places)) is found
    assert RECOGNISER.runtime.own_code(start("it", executable=executable, root=tmp_path), []).places == ()


AUTOLOADER = "<?php\nrequire __DIR__ . '/composer/autoload_real.php';\n"


@pytest.mark.parametrize(
    ("script", "place"),
    [
        ("require __DIR__ . '/libs/autoload.php';", "/srv/app/libs/composer"),
        ("require_once('/data/sdk/aws-autoloader.php');", "/data/sdk"),
        ("include 'inc/first.php';", "/opt/vendor/composer"),
    ],
)
def test_a_script_says_where_its_libraries_are(tmp_path: Path, script: str, place: str) -> None:
    made(
        tmp_path,
        {
            "/srv/app/run.php": f"<?php\n{script}\n",
            "/srv/app/libs/autoload.php": AUTOLOADER,
            "/data/sdk/aws-autoloader.php": "<?php\n",
            "/srv/app/inc/first.php": "<?php require '/opt/vendor/autoload.php';",
            "/opt/vendor/autoload.php": AUTOLOADER,
        },
    )
    started = start("php", "/srv/app/run.php", executable="/usr/bin/php8.2", root=tmp_path, cwd="/")
    assert place in RECOGNISER.runtime.own_code(started, ["aws/aws-sdk-php"]).places


def test_what_a_server_serves_says_so_too(tmp_path: Path) -> None:
    files = {"/home/s/index.php": "<?php require '/data/a.php';", "/data/a.php": ""}
    made(tmp_path, {**files, "/etc/nginx/nginx.conf": "server {\n root /home/s;\n}\n"})
    lsphp = "/usr/local/lsws/lsphp74/bin/lsphp"
    for started in (
        start("php-fpm: pool www", executable=FPM, root=tmp_path, cwd="/"),
        start("lsphp:/home/s/index.php", executable=lsphp, root=tmp_path, cwd="/"),
        start("lsphp", executable=lsphp, root=tmp_path, cwd="/home/s"),
    ):
        assert "/data/composer" in RECOGNISER.runtime.own_code(started, ["aws/aws-sdk-php"]).places
