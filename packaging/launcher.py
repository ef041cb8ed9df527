#!/usr/lib/imds-probe/runtime/bin/python3.13 -IBXutf8
"""/usr/bin/imds-probe. The kernel starts the interpreter inside by the first line, so no shell is needed, and no /proc.

-I: nothing of the caller's PYTHON* variables, working directory or home directory is looked at; -B: no byte code is written;
-Xutf8: no locale is needed.
"""

import os
import sys

# For the interpreters that it starts itself, which are not told -I.
for name in [name for name in os.environ if name.startswith("PYTHON")]:
    del os.environ[name]
os.environ |= {"PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}

from imds_probe import __version__  # noqa: E402 - after the environment is as it is to be

# Inventories of fleets ask for this all the time; the parser of the command line would cost as much again as the interpreter.
if sys.argv[1:] == ["--version"]:
    print(f"imds-probe {__version__}")
    sys.exit(0)

from imds_probe.__main__ import main  # noqa: E402

main()
