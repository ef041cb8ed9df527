"""An application that Composer has installed."""

from __future__ import annotations

PACKAGE, VERSION = "aws/aws-sdk-php", "3.100.0"
PROGRAM = "/usr/bin/php8.2"
ARGUMENTS = ("php", "/srv/index.php")
FILES = {"/srv/vendor/composer/installed.json": b'{"packages": [{"name": "aws/aws-sdk-php", "version": "3.100.0"}]}'}
