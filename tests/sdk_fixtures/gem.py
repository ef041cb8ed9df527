"""An application whose gems Bundler has put beside it."""

from __future__ import annotations

PACKAGE, VERSION = "aws-sdk-core", "3.70.0"
PROGRAM = "/usr/bin/ruby3.1"
ARGUMENTS = ("ruby", "/srv/app/run.rb")
FILES = {"/srv/app/vendor/bundle/ruby/3.1.0/specifications/aws-sdk-core-3.70.0.gemspec": b""}
