from __future__ import annotations

import json
from pathlib import Path

import pytest
from program_starts import start

from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.php import RECOGNISER, libraries_in
from imds_probe.inventory.sdks.recogniser import Located
from imds_probe.system.rootfs import FileUnreadable

PACKAGES = [{"name": "aws/aws-sdk-php", "version": "v3.147.7"}, {"name": "monolog/monolog", "version": "1.0"}]


def look(root: Path, content: object) -> list[Located]:
    place = root / "vendor/composer/installed.json"
    place.parent.mkdir(parents=True)
    place.write_text(content if isinstance(content, str) else json.dumps(content))
    return libraries_in(root, "/vendor/composer", ["aws/aws-sdk-php"])


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
    assert libraries_in(tmp_path, "/none", ["aws/aws-sdk-php"]) == []


def test_a_php_worker_may_serve_any_application() -> None:
    started = start("php-fpm: pool www", executable="/usr/sbin/php-fpm8.2", cwd="/")
    found = list(RECOGNISER.runtime.places(started))
    assert "/var/www/*/vendor/composer" in found
    assert "/vendor/composer" in found
