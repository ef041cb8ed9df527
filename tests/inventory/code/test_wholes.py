from __future__ import annotations

import pytest

from imds_probe.inventory.code.wholes import whole_of, wholes

THERE = {"/opt/app/lib/__init__.py", "/opt/app/lib/aws/__init__.py"}


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/usr/local/bin/backup", "/usr/local/bin/backup"),
        ("/opt/app/main.py", "/opt/app/main.py"),
        ("/opt/app/lib/aws/client.py", "/opt/app/lib"),
        ("/opt/app/lib/run.sh", "/opt/app/lib/run.sh"),
        ("/opt/v/lib/python3.11/site-packages/x/y/z.py", "/opt/v/lib/python3.11/site-packages/x"),
        ("/opt/v/lib/python3.11/site-packages/x.py", "/opt/v/lib/python3.11/site-packages/x.py"),
        ("/srv/a/node_modules/b/node_modules/@c/d/lib/e.js", "/srv/a/node_modules/b/node_modules/@c/d"),
        ("/var/lib/gems/3.1.0/gems/fog-1.2/lib/fog.rb", "/var/lib/gems/3.1.0/gems/fog-1.2"),
        ("/var/www/x/vendor/acme/client/src/a.php", "/var/www/x/vendor/acme/client"),
    ],
)
def test_what_a_file_is_judged_with(path: str, root: str) -> None:
    assert whole_of(path, THERE.__contains__) == root


def test_the_files_of_each() -> None:
    paths = ("/opt/app/lib/a.py", "/opt/x.sh", "/opt/app/lib/aws/b.py")
    assert wholes(paths, THERE.__contains__) == {
        "/opt/app/lib": ("/opt/app/lib/a.py", "/opt/app/lib/aws/b.py"),
        "/opt/x.sh": ("/opt/x.sh",),
    }
