"""A report in the form that was asked for, and where it goes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from imds_probe.commands.messages import report_bug
from imds_probe.commands.terminal import style
from imds_probe.errors import OutputError
from imds_probe.sinks import output_file

if TYPE_CHECKING:
    from imds_probe.report import Report


def rendered(report: Report, form: str, *, to_terminal: bool, kept: bool = False, file: str = "") -> tuple[str, bool]:
    """The report in a form, and whether it could be made. Where a bug is in the way, it is JSON instead. `kept`: this host keeps a
    report that `imds-probe explain switch` finds. `file` is where the report was read from, empty where it was just made.
    """
    try:
        return _in_form(report, form, to_terminal=to_terminal, kept=kept, file=file), True
    except Exception as error:  # noqa: BLE001 - the report is whole, whatever cannot be done with it
        report_bug(f"the output as {form}", error)
        return _in_form(report, "json", to_terminal=False, kept=kept, file=file), False


def _in_form(report: Report, form: str, *, to_terminal: bool, kept: bool, file: str) -> str:
    if form == "json":
        from imds_probe.report import dump  # noqa: PLC0415

        return dump(report) + "\n"
    if form == "summary":
        from imds_probe.render import summary  # noqa: PLC0415

        return summary.render(report)
    if form == "html":
        from imds_probe.render import html  # noqa: PLC0415

        return html.render(report, kept=kept, file=file)
    from imds_probe.render import text  # noqa: PLC0415

    return text.render(report, style(to_file=not to_terminal), kept=kept, file=file)


def written(document: str, path: Path | None) -> OutputError | None:
    """Write the report, to standard output where the file cannot be had: the run is not lost with it. What went wrong."""
    failed = None
    if path is not None:
        try:
            output_file.replace(path, document.encode(errors="backslashreplace"))
            return None
        except OSError as error:
            failed = OutputError(
                f"--out {path} cannot be written: {error.strerror}", "The report is on standard output."
            )
    try:
        sys.stdout.write(document)
        sys.stdout.flush()
    except OutputError as error:
        return OutputError(f"{failed.problem}, and {error.problem}", error.remedy) if failed else error
    return failed


def kept_in(path: Path, report: Report) -> OutputError | None:
    """Write the whole report as JSON, whatever form was printed. What went wrong."""
    from imds_probe.report import dump  # noqa: PLC0415

    try:
        output_file.replace(path, f"{dump(report)}\n".encode())
    except OSError as error:
        return OutputError(
            f"--keep {path} cannot be written: {error.strerror}", "Free space on its disk, or name another file."
        )
    return None
