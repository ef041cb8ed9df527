from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code import unread

BEAM = "/app/erts-12/bin/beam.smp"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def test_a_release_has_all_of_its_modules_but_erlangs_own(root: Root) -> None:
    root.put({BEAM: "", "/app/lib/own-0.1.0/ebin/own.beam": "", "/app/lib/dep-2/ebin/dep.beam": ""})
    root.put({"/app/lib/stdlib-4.1/ebin/lists.beam": "", "/app/lib/own-0.1.0/priv/x.beam": ""})
    line = "beam.smp -- -root /app -progname erl -- -home /root -- -noshell -boot /app/releases/0.1.0/start"
    found = root.follow(*line.split(), executable=BEAM)
    assert {load.path: load.package_root for load in found.files} == {
        "/app/lib/dep-2/ebin/dep.beam": "/app/lib/dep-2",
        "/app/lib/own-0.1.0/ebin/own.beam": "/app/lib/own-0.1.0",
    }
    assert not found.cut_short


def test_directories_that_are_added_and_plugins_that_are_enabled(root: Root) -> None:
    at = "/usr/lib/rabbitmq/lib/rabbitmq_server-3.9/plugins"
    root.put({BEAM: "", f"{at}/rabbit-3.9.1/ebin/rabbit.beam": "", f"{at}/rabbitmq_web-3.9.1/ebin/web.beam": ""})
    root.put({f"{at}/rabbitmq_peers-3.9.1/ebin/{name}": "" for name in ("peers.beam",)})
    root.put({f"{at}/rabbitmq_peers-3.9.1/ebin/rabbitmq_peers.app": "{applications, [kernel,\n rabbitmq_aws]}"})
    root.put({f"{at}/rabbitmq_aws-3.9.1/ebin/aws.beam": "", "/opt/libs/more/ebin/more.beam": ""})
    root.put({"/etc/rabbitmq/enabled_plugins": "[rabbitmq_peers].\n"})
    line = f"beam.smp -- -root /usr/lib/erlang -- -noshell -pa {at}/rabbit-3.9.1/ebin -boot start_sasl"
    found = root.loaded(*line.split(), executable=BEAM, environment={"ERL_LIBS": "/opt/libs"})
    assert {path.rpartition("/")[2] for path in found} == {"rabbit.beam", "peers.beam", "aws.beam", "more.beam"}


@pytest.mark.parametrize(
    ("line", "loaded"),
    [
        ("-noshell -s elixir start_cli -extra x.exs a", ["/app/x.exs"]),
        ("-noshell -s elixir start_cli -extra /usr/bin/mix phx.server", ["/app/lib/a.ex", "/app/mix.exs"]),
        ("-run escript start -extra /app/tool", ["/app/tool"]),
    ],
)
def test_scripts(root: Root, line: str, loaded: list[str]) -> None:
    root.put(
        {BEAM: "", "/usr/bin/mix": "", **{f"/app/{name}": "" for name in ("x.exs", "lib/a.ex", "mix.exs", "tool")}}
    )
    words = ("beam.smp", "--", "-root", "/usr/lib/erlang", "--", *line.split())
    assert list(root.loaded(*words, executable=BEAM, directory="/app")) == loaded


def test_what_is_not_to_be_seen_is_not_read(root: Root) -> None:
    root.put({BEAM: "", "/usr/bin/escript": "", "/opt/tool": ""})
    line = "beam.smp -- -root /usr/lib/erlang --"
    assert root.follow(*line.split(), "-noshell", "-eval", "x().", executable=BEAM).cut_short == unread.NO_SCRIPT
    assert root.follow(*line.split(), executable=BEAM).cut_short == ""  # somebody types into it
    assert list(root.loaded("escript", "/opt/tool")) == ["/opt/tool"]


@pytest.mark.parametrize("program", ["erl", "erlexec", "escript"])
def test_what_starts_the_machine_is_not_missed(root: Root, program: str) -> None:
    at = f"/usr/lib/erlang/bin/{program}"
    root.put({at: ""})
    found = root.follow(program, "-boot", "start_sasl", "-noinput", "-s", "rabbit", "boot", executable=at)
    assert not found.cut_short
