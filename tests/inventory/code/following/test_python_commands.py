from __future__ import annotations

import pytest

from imds_probe.inventory.code.following.python_commands import CALLS_MAX, commands_in


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ('subprocess.run(["/opt/x", "-a"], check=True)', [("/opt/x", "-a")]),
        ("subprocess.check_output(\n    ['/opt/x',\n     host],\n)", [("/opt/x",)]),
        ('X = "/opt/x"\nsubprocess.call([X, "-a"])', [("/opt/x", "-a")]),
        ("os.system(\"/opt/x -a 'b c' > /dev/null\")", [("/opt/x", "-a", "b c", ">", "/dev/null")]),
        ('from subprocess import Popen\nPopen("/opt/x", shell=True)', [("/opt/x",)]),
        ("os.popen('/opt/x')", [("/opt/x",)]),
        ('os.system("it\'s /opt/x")', []),
        ('subprocess.run(["systemctl", "restart", "x"])', []),
        ("subprocess.run(command)", []),
        ('print("/opt/x")', []),
        ("# subprocess.run(['/opt/x'])", []),
        ("'''Was once:\nsubprocess.run([\"/opt/x\"])\n'''", []),
        ("print(\"subprocess.run(['/opt/x'])\")", []),
        ("x = '#'; subprocess.run(['/opt/x'])  # y", [("/opt/x",)]),
        ("subprocess.run(['sh', '/opt/x'])", [("sh", "/opt/x")]),
        ("os.system('bash /opt/x -a')", [("bash", "/opt/x", "-a")]),
        ("subprocess.run(['python3.11', '-u', '/opt/x'])", [("python3.11", "-u", "/opt/x")]),
        ("subprocess.run(['rm', '/opt/x'])", []),
        ("subprocess.run(", []),
    ],
)
def test_programs_that_are_started(text: str, commands: list[tuple[str, ...]]) -> None:
    assert list(commands_in(text.encode())) == commands


def test_there_is_an_end_to_them() -> None:
    assert len(list(commands_in(b'os.system("/x")\n' * 1000))) == CALLS_MAX
