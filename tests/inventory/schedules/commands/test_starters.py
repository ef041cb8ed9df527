from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.starter_words import Inner
from imds_probe.inventory.schedules.commands.starters import inner


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("env -i -u A B=c x y", "x y"),
        ("env -S x y", "x y"),
        ("sudo -u ana -E A=b x -u", "x -u"),
        ("sudo -n -- x", "x"),
        ("sudo -Hu ana x y", "x y"),
        ("sudo -nEHu ana -g z A=b x", "x"),
        ("sudo -kbnu ana x", "x"),
        ("doas -nu ana x", "x"),
        ("env -iS x y", "x y"),
        ("env -iu A B=c x", "x"),
        ("env -Sx y", "x y"),
        ("env --split-string=x y", "x y"),
        ("time -p x", "x"),
        ("ionice -tc2n7 x", "x"),
        ("chpst -vPuana x", "x"),
        ("systemd-run -qtp MemoryMax=1G x", "x"),
        ("systemd-run --on-unit-active 1h --gid web x", "x"),
        ("setarch x86_64 -R x", "x86_64 -R x"),
        ("unshare -S 1 x y", "x y"),
        ("screen -dmS z x y", "x y"),
        ("x86_64 -R x", "x"),
        ("runuser -pu ana -- x", "x"),
        ("nice -n 19 x", "x"),
        ("nice -10 x", "x"),
        ("ionice -c3 x", "x"),
        ("ionice -c 3 -n 7 x", "x"),
        ("timeout -k 5 --signal=KILL 10m x y", "x y"),
        ("flock -n /run/x.lock x y", "x y"),
        ("flock -w 5 /run/x.lock x", "x"),
        ("chronic x", "x"),
        ("nohup x", "x"),
        ("exec -a z x", "x"),
        ("taskset -c 0 x", "x"),
        ("runuser -u ana -- x", "x"),
        ("gosu ana x", "x"),
        ("start-stop-daemon --start --exec /x -- -y", "/x -y"),
        ("start-stop-daemon -S -x /usr/bin/python3 -a /x", "/x"),
        ("start-stop-daemon -Sbx /x", "/x"),
        ("start-stop-daemon -qSbmp /run/x.pid -x /x -- -T", "/x -T"),
        ("start-stop-daemon --start --user Keith --exec=/x", "/x"),
        ("ip netns exec blue /opt/x.sh a", "/opt/x.sh a"),
        ("ip -d vrf exec mgmt /opt/x.sh", "/opt/x.sh"),
        ("poetry run python3 x.py", "python3 x.py"),
        ("uv run --with boto3 --python 3.11 x.py", "python3 x.py"),
        ("uv run -m x", "python3 -m x"),
        ("uv --directory /d run x", "x"),
        ("conda run -n base --no-capture-output python3 x.py", "python3 x.py"),
        ("pipenv run x", "x"),
        ("bundle exec ruby x.rb", "ruby x.rb"),
        ("rbenv exec x -y", "x -y"),
        ("mise exec node@20 -- node x.js", "node x.js"),
        ("rvm 3.1 do ruby x.rb", "ruby x.rb"),
        ("nvm exec 18 node x.js", "node x.js"),
        ("nvm exec --silent npm start", "npm start"),
        ("nvm --silent exec lts/iron npm start", "npm start"),
        ("nvm run v18.1.0 x.js a", "node x.js a"),
        ("nvm run x.js", "node x.js"),
        ("npm exec -- x y", "x y"),
        ("npx -y x", "x"),
        ("npx --package=z -- x", "x"),
        ("chamber exec a b -- x", "x"),
        ("aws-vault exec a -- x", "x"),
        ("doppler run -- x", "x"),
        ("dotenv -f .env x", "x"),
    ],
)
def test_what_is_started(command: str, words: str) -> None:
    name, *arguments = command.split()
    found = inner(name, arguments)
    assert found is not None
    assert (found.words, found.text) == (tuple(words.split()), "")


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("screen", ("-dmS", "x", "sh", "-c", "y"), Inner(("sh", "-c", "y"))),
        ("poetry", ("-C", "/d", "run", "x"), Inner(("x",), directory="/d")),
        ("pnpm", ("--dir", "/d", "exec", "x"), Inner(("x",), directory="/d")),
    ],
)
def test_texts_variables_and_directories(name: str, arguments: tuple[str | None, ...], expected: Inner) -> None:
    assert inner(name, arguments) == expected


@pytest.mark.parametrize(
    "command",
    [
        "env",
        "command -v x",
        "command -pV x",
        "sudo -l",
        "timeout 5",
        "flock 9",
        "ip netns list",
        "ip netns exec blue",
        "ip link set x",
        "start-stop-daemon --stop",
        "start-stop-daemon -qKx /x",
        "other x",
        "poetry install",
        "uv run",
        "bundle install",
        "npm run x",
        "conda run -n base",
    ],
)
def test_where_nothing_is_started(command: str) -> None:
    name, *arguments = command.split()
    assert inner(name, arguments) is None
