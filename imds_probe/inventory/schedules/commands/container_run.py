"""Which image a command line of Docker, Podman or nerdctl runs: docker-run(1), podman-run(1)."""

from __future__ import annotations

from collections.abc import Sequence

ENGINES = frozenset(("docker", "podman", "nerdctl"))
_RUN = frozenset(("run", "create"))
# All other options have a value, which is the next word unless a sign of equality comes before it.
_WITHOUT_VALUE = frozenset(
    (
        *(
            "--detach",
            "--interactive",
            "--tty",
            "--rm",
            "--init",
            "--privileged",
            "--read-only",
            "--publish-all",
            "--quiet",
        ),
        *("--no-healthcheck", "--oom-kill-disable", "--sig-proxy", "--replace", "--no-hosts", "--tls-verify", "--rmi"),
        *("--disable-content-trust", "--systemd", "--http-proxy", "--env-host", "--no-hostname", "--use-api-socket"),
    )
)
_LETTERS_WITHOUT_VALUE = frozenset("ditPq")
# Of the engine itself, before what it is to do.
_OF_ENGINE = frozenset(
    ("-H", "--host", "-c", "--context", "--config", "-l", "--log-level", "--root", "--runroot", "-n", "--namespace")
)


def image(arguments: Sequence[str | None]) -> str:
    """The image that these arguments of an engine run; empty where they run none, or one that only running tells."""
    at = 0
    while at < len(arguments) and (arguments[at] or "").startswith("-"):
        at += 2 if arguments[at] in _OF_ENGINE else 1
    if at < len(arguments) and arguments[at] == "container":
        at += 1
    if at >= len(arguments) or arguments[at] not in _RUN:
        return ""
    at += 1
    while at < len(arguments) and (word := arguments[at] or "").startswith("-"):
        at += 2 if _has_value_behind(word) else 1
    return (arguments[at] or "") if at < len(arguments) else ""


def _has_value_behind(option: str) -> bool:
    if option.startswith("--"):
        return "=" not in option and option not in _WITHOUT_VALUE and option != "--"
    return len(option) == 2 and option[1] not in _LETTERS_WITHOUT_VALUE
