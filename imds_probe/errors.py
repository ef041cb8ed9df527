"""The one family of expected errors. Anything else that is raised is a bug and ends in a traceback."""


class ProbeError(Exception):
    """Trouble that was to be expected: says what, about which thing, and what to do about it (exit code 69).

    `remedy` is one sentence in the imperative, or empty where there is nothing the user can do. `page` is the page of docs that
    says more, empty where none does.
    """

    page = ""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}. {self.remedy}" if self.remedy else self.problem

    def followed_by(self, outcome: str) -> str:
        """What is said where something goes on all the same: `outcome` is a clause, and the remedy a sentence after it."""
        return f"{self.problem}; {outcome}" + (f". {self.remedy}" if self.remedy else "")


class UsageError(ProbeError):
    """The command line, the environment or a file of the user's asks for something that makes no sense (exit code 2)."""


class HeldError(ProbeError):
    """Another process has what is needed; once it ends, the same may work (exit code 75)."""


class OutputError(ProbeError):
    """The output is not where it was to go: a full disk, or a standard output that is closed (an exit code of its own).

    `reader_left`: nobody is there to miss it, as in `imds-probe catalog | head`.
    """

    def __init__(self, problem: str, remedy: str = "", *, reader_left: bool = False) -> None:
        super().__init__(problem, remedy)
        self.reader_left = reader_left


class CommandError(ProbeError):
    """A program could not be run to its end: missing, too slow, or more output than is sane."""


class CommandMissing(CommandError):
    """The program is not installed."""


def said(error: ProbeError | OSError) -> str:
    """What one that was to be expected says in a report."""
    if isinstance(error, ProbeError):
        return str(error)
    return f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")


class SwitchedOff(ProbeError):
    """Nothing is observed on this host, as somebody wants it so (an exit code of its own)."""

    page = "on-the-host.md"
