from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

YII = "<?php require 'vendor/autoload.php'; exit((new yii\\console\\Application($config))->run());\n"
MAGENTO = "<?php require __DIR__ . '/../app/bootstrap.php';\n"
PLAIN = "<?php require 'vendor/autoload.php'; echo (new Report())->make();\n"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path).put({"/usr/bin/php": "", "/usr/local/bin/wp": "#!/usr/bin/env php\n", "/usr/bin/env": ""})


@pytest.mark.parametrize(
    ("script", "text", "own", "loaded"),
    [
        ("/srv/a/yii", YII, "/srv/a/commands/X.php", True),
        ("/srv/a/yii", YII, "/srv/a/vendor/x/X.php", False),
        ("/srv/a/yii", YII, "/srv/a/tests/X.php", False),
        ("/srv/a/bin/magento", MAGENTO, "/srv/a/app/code/A/B/X.php", True),
        ("/srv/a/bin/own", "<?php (new App\\Kernel())->run();", "/srv/a/src/deep/X.php", True),
        ("/srv/a/bin/own", PLAIN, "/srv/a/src/deep/X.php", False),
        ("/srv/a/artisan", PLAIN, "/srv/a/app/X.php", True),
        ("/srv/a/artisan", PLAIN, "/srv/a/other/X.php", False),
    ],
)
def test_an_application_whose_classes_are_loaded_by_name(
    root: Root, script: str, text: str, own: str, *, loaded: bool
) -> None:
    root.put({script: text, own: "", "/srv/a/composer.json": "{}", "/srv/a/vendor/autoload.php": "<?php\n"})
    assert (own in root.loaded("php", script, "a:b")) == loaded


@pytest.mark.parametrize(
    ("line", "directory"), [("wp cron event run", "/srv/w"), ("wp --path=/srv/w cron event run", "/")]
)
def test_a_site_that_a_command_works_on(root: Root, line: str, directory: str) -> None:
    root.put({"/srv/w/wp-load.php": "", "/srv/w/wp-content/plugins/a/a.php": "", "/srv/w/wp-admin/b.php": ""})
    found = set(root.loaded(*line.split(), directory=directory))
    assert found == {"/usr/local/bin/wp", "/srv/w/wp-load.php", "/srv/w/wp-content/plugins/a/a.php"}
