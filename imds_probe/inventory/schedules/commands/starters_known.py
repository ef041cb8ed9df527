"""Which programs start another one, and which of their options come before it, as their manuals have it."""

from __future__ import annotations

from collections.abc import Mapping

from imds_probe.dataclass import dataclass

_SUDO = (
    "-u",
    "--user",
    "-g",
    "--group",
    "-h",
    "--host",
    "-p",
    "--prompt",
    "-C",
    "-r",
    "-t",
    "-T",
    "-U",
    "-D",
    "--chdir",
    "-R",
)
_RUN = (
    "-p",
    "--property",
    "-u",
    "--unit",
    "-E",
    "--setenv",
    "--on-calendar",
    "--on-active",
    "--on-boot",
    "--slice",
    "--uid",
    *("--gid", "--nice", "--description", "--service-type", "--working-directory", "--on-startup", "--on-unit-active"),
    *("--on-unit-inactive", "--timer-property", "--path-property", "--socket-property"),
)


@dataclass(frozen=True)
class Starter:
    """`valued` are options whose value is the word behind them, `before` counts the words between the options and the program.
    `assigns`: variables may be set before it. `text` are options whose value is a text for a shell, `directory` those whose
    value is a directory. With one of `instead` nothing stands before the program. `user` are options whose value is the user who
    runs it, or it is the first word before the program, where there is `of_user`. With one of `login` it begins in that one's home.
    A value of one of `attached` can only stand in the same word, and need not be there.
    """

    valued: tuple[str, ...] = ()
    before: int = 0
    assigns: bool = False
    text: tuple[str, ...] = ()
    directory: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    of_user: bool = False
    login: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()


_USER, _LOGIN = ("-u", "--user"), ("-", "-l", "--login")
SPLIT = ("-S", "--split-string")  # of env: its value is taken apart
DAEMON = Starter(
    (
        *("-x", "--exec", "-a", "--startas", "-p", "--pidfile", "-n", "--name", "-u", "--user", "-g", "--group"),
        *("-s", "--signal", "-c", "--chuid", "-r", "--chroot", "-d", "--chdir", "-R", "--retry", "-N", "--nicelevel"),
        *("-P", "--procsched", "-I", "--iosched", "-k", "--umask", "-O", "--output", "--ppid", "-1", "--stdout"),
        *("-2", "--stderr", "-e", "--env", "-w", "--wait"),
    )
)
STARTERS: Mapping[str, Starter] = {
    "env": Starter(("-u", "--unset", "-C", "--chdir", *SPLIT), assigns=True, directory=("-C", "--chdir")),
    "sudo": Starter(_SUDO, assigns=True, directory=("-D", "--chdir"), user=_USER, login=("-i", "--login")),
    "doas": Starter(("-u", "-C"), user=_USER),
    "nice": Starter(("-n", "--adjustment")),
    "ionice": Starter(("-c", "-n", "-p", "-P", "-u", "--class", "--classdata")),
    "chrt": Starter(("-T", "-P", "-D"), before=1),
    "taskset": Starter(before=1),
    "numactl": Starter(("-m", "-N", "-C", "-i", "-p")),
    "timeout": Starter(("-k", "--kill-after", "-s", "--signal"), before=1),
    "flock": Starter(("-w", "--wait", "--timeout", "-E", "--conflict-exit-code"), before=1, text=("-c", "--command")),
    "lckdo": Starter(("-W",), before=1),
    "setlock": Starter(before=1),
    "chpst": Starter(("-u", "-U", "-b", "-e", "-/", "-n", "-l", "-L", "-m", "-d", "-o", "-p", "-f", "-c")),
    "chronic": Starter(),
    "cronic": Starter(),
    "nohup": Starter(),
    "setsid": Starter(),
    "ifne": Starter(),
    "unbuffer": Starter(),
    "eatmydata": Starter(),
    "fakeroot": Starter(("-l", "-s", "-i", "-b")),
    "dbus-run-session": Starter(("--config-file", "--dbus-daemon")),
    "exec": Starter(("-a",)),
    "command": Starter(),
    "builtin": Starter(),
    "time": Starter(("-f", "--format", "-o", "--output")),
    "stdbuf": Starter(("-i", "-o", "-e", "--input", "--output", "--error")),
    "setpriv": Starter(("--reuid", "--regid", "--groups", "--inh-caps", "--bounding-set")),
    **dict.fromkeys(("setarch", "linux32", "linux64", "i386", "x86_64"), Starter()),
    "unshare": Starter(
        ("-S", "--setuid", "-G", "--setgid", "-w", "--wd", "--propagation", "--setgroups", "--map-user", "--map-group"),
        directory=("-w", "--wd"),
    ),
    "cgexec": Starter(("-g",)),
    "systemd-cat": Starter(("-t", "-p", "--identifier", "--priority")),
    "systemd-inhibit": Starter(("--what", "--who", "--why", "--mode")),
    "systemd-run": Starter(_RUN, directory=("--working-directory",)),
    "xargs": Starter(("-I", "-n", "-P", "-L", "-d", "-a", "-s", "-E"), attached=("-i", "-e", "-l")),
    "runuser": Starter(
        ("-u", "-g", "-G", "-s", "--user", "--group", "--shell"),
        before=1,
        text=("-c", "--command"),
        instead=_USER,
        user=_USER,
        of_user=True,
        login=_LOGIN,
    ),
    "sg": Starter(before=1, text=("-c",)),
    "pkexec": Starter(("--user",), user=_USER),
    "su": Starter(
        ("-g", "-G", "-s", "--group", "--shell"), before=1, text=("-c", "--command"), of_user=True, login=_LOGIN
    ),
    "gosu": Starter(before=1, of_user=True),
    "su-exec": Starter(before=1, of_user=True),
    **dict.fromkeys(("tini", "tini-static"), Starter(("-p", "-e"))),
    "dumb-init": Starter(("-r", "--rewrite")),
    **dict.fromkeys(("docker-init", "podman-init"), Starter(("-p", "-e"))),  # tini and catatonit, as engines call them
    "catatonit": Starter(),
    "watch": Starter(("-n", "--interval", "-q", "--equexit")),
    "screen": Starter(("-S", "-t", "-h", "-c", "-e", "-p", "-r", "-s", "-x", "-T", "-Logfile")),
    **dict.fromkeys(("busybox", "toybox"), Starter()),
}
SSH = Starter(tuple(f"-{letter}" for letter in "BbcDEeFIiJLlmOopQRSWw"), user=("-l",))
SCRIPT = Starter(("-O", "-I", "-B", "-T", "-E", "-m", "-o"), text=("-c", "--command"))
_PYTHON = (
    "-C",
    "--directory",
    "-P",
    "--project",
    "-p",
    "--python",
    "--with",
    "--env-file",
    "--extra",
    "--group",
    "--package",
)
_OF_NODE = ("-p", "--package", "-w", "--workspace", "--prefix", "-C", "--dir", "--cwd")
# Programs that start another one behind one of these words, in an environment that they make: of a language, of a project, with
# secrets. `valued` are also the options before the word.
BEHIND: Mapping[str, tuple[tuple[str, ...], Starter]] = {
    **dict.fromkeys(("poetry", "uv", "pdm", "rye", "hatch"), (("run",), Starter(_PYTHON, directory=_PYTHON[:4]))),
    "pipenv": (("run",), Starter(("--python",))),
    **dict.fromkeys(
        ("conda", "mamba", "micromamba"),
        (("run",), Starter(("-n", "--name", "-p", "--prefix", "--cwd"), directory=("--cwd",))),
    ),
    "pixi": (("run",), Starter(("-e", "--environment", "--manifest-path"))),
    "pipx": (("run",), Starter(("--spec", "--python", "--pip-args"))),
    "bundle": (("exec",), Starter(("--gemfile",))),
    **dict.fromkeys(
        ("rbenv", "pyenv", "nodenv", "plenv", "phpenv", "goenv", "jenv", "asdf", "opam"), (("exec",), Starter())
    ),
    "mise": (("exec", "x"), Starter(("-C", "--cd"), directory=("-C", "--cd"))),
    "direnv": (("exec",), Starter(before=1)),
    "rvm": (("do",), Starter()),
    "nvm": (("exec", "run"), Starter()),
    "fnm": (("exec",), Starter(("--using",))),
    "volta": (("run",), Starter(("--node", "--npm", "--yarn", "--env"))),
    **dict.fromkeys(("npm", "pnpm", "yarn"), (("exec", "x", "dlx"), Starter(_OF_NODE, directory=_OF_NODE[4:]))),
    **dict.fromkeys(
        ("doppler", "infisical", "op"), (("run",), Starter(("--env-file", "-p", "--project", "-c", "--config")))
    ),
    **dict.fromkeys(("chamber", "aws-vault", "envchain"), (("exec",), Starter(before=1))),
    **dict.fromkeys(("foreman", "honcho"), (("run",), Starter(("-e", "--env", "-f", "--procfile", "-d", "--root")))),
}
STARTERS_OF_LANGUAGES: Mapping[str, Starter] = {
    "npx": Starter(("-p", "--package")),
    "bunx": Starter(),
    "uvx": Starter(("--from", "--with", "-p", "--python")),
    "rvm-exec": Starter(before=1),
    "dotenv": Starter(("-f", "--file", "-e")),
    "dotenvx": Starter(("-f", "--file", "-e")),
}
