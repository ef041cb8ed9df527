"""A signature of one file by GPG, apart from it, in a keyring that is gone afterwards."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from build_error import run

PASSPHRASE_VARIABLE = "NFPM_PASSPHRASE"  # as nfpm has it, which signs the packages


def sign(path: Path, key: Path) -> Path:
    """Sign with an armoured secret key. The armoured signature lies beside the file: its name ends in ".asc" besides. Raises
    BuildError.
    """
    signature = path.with_name(f"{path.name}.asc")
    with tempfile.TemporaryDirectory(prefix="imds-probe-keys-") as home, tempfile.NamedTemporaryFile("w") as passphrase:
        passphrase.write(os.environ.get(PASSPHRASE_VARIABLE, ""))
        passphrase.flush()
        gpg = ["gpg", "--batch", "--yes", "--quiet", "--homedir", home, "--pinentry-mode", "loopback"]
        gpg += ["--passphrase-file", passphrase.name]
        try:
            run([*gpg, "--import", key])
            run([*gpg, "--armor", "--output", signature, "--detach-sign", path])
        finally:
            run(["gpgconf", "--homedir", home, "--kill", "all"])
    return signature
