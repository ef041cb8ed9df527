from __future__ import annotations

import pytest

from imds_probe.inventory.code.following.python_commands import CALLS_MAX, commands_in


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ('subprocess.run(["/opt/x", "-a"], check=True)', [("/opt/x", "-a")]),
        ("subprocess.check_output(\n    ['/opt/x',\n     host],\n)", [("/opt/x",)]),
        ('X = "/opt/x"\nsubprocess.call([X, "-a"])', [("/opt/x", "-a")]),
        ("os.system(\"/opt/x -a 'b c' > /dev/null\")", [("/opt/x", "-a", "b c")]),
        ('from subprocess import Popen\nPopen("/opt/x", shell=True)', [("/opt/x",)]),
        ("os.popen('/opt/x')", [("/opt/x",)]),
        ("os.system(\"cd /opt && ./x | tee y; z 'a b'\")", [("cd", "/opt"), ("./x",), ("tee", "y"), ("z", "a b")]),
        ('subprocess.run(["aws", "s3", "sync", here])', [("aws", "s3", "sync")]),
        ('import subprocess as sp\nsp.run("aws s3 ls".split())', [("aws", "s3", "ls")]),
        ("from subprocess import (run,\n call)\nrun(shlex.split('aws s3 ls'))", [("aws", "s3", "ls")]),
        ("run(['aws']); x.run(['aws'])", []),
        ("HERE = os.path.dirname(__file__)\nsubprocess.run([os.path.join(HERE, 'x.sh')])", [("{here}/x.sh",)]),
        ("HERE = Path(__file__).resolve().parent\nos.system(f'{HERE}/x.sh {y}')", [("{here}/x.sh", "$_")]),
        ("subprocess.run([sys.executable, '/opt/x.py'])", [("python3", "/opt/x.py")]),
        ("subprocess.run([sys.executable, __file__, directory])", []),
        ("subprocess.run([sys.executable, script])", []),
        ("subprocess.run(['perl', script])", []),
        ("subprocess.run([shutil.which('aws') or '/opt/aws', 's3'])", [("aws", "s3")]),
        ("os.system('aws s3 ls ' + bucket)", [("aws", "s3", "ls", "$_")]),
        ("os.system('aws s3 ls %s' % bucket)", [("aws", "s3", "ls", "$_$_")]),
        ("os.system('/opt/' + name + '/x.sh')", []),
        ("os.execvp('aws', ['aws', 's3', 'ls'])", [("aws", "s3", "ls")]),
        ("os.spawnlp(os.P_WAIT, 'aws', 'aws', 's3')", [("aws", "s3")]),
        ("import asyncio.subprocess\nasyncio.create_subprocess_exec('aws', 's3')", [("aws", "s3")]),
        ('subprocess.run("""\nset -e\n/opt/x.sh\n""", shell=True)', [("/opt/x.sh",)]),
        (
            "def run(cmd, **more):\n    subprocess.check_call(cmd)\nclass A:\n  def go(self):\n    run(['aws', 's3'])\n",
            [("aws", "s3")],
        ),
        ("def sh(self, *cmd):\n    os.system(cmd)\nself.sh('aws s3')\nother('aws')", [("aws", "s3")]),
        ("subprocess.run(command)", []),
        ('print("/opt/x")', []),
        ("# subprocess.run(['/opt/x'])", []),
        ("'''Was once:\nsubprocess.run([\"/opt/x\"])\n'''", []),
        ("print(\"subprocess.run(['/opt/x'])\")", []),
        ("x = '#'; subprocess.run(['/opt/x'])  # y", [("/opt/x",)]),
        ("subprocess.run(['sh', '/opt/x'])", [("sh", "/opt/x")]),
        ("os.system('bash /opt/x -a')", [("bash", "/opt/x", "-a")]),
        ("subprocess.run(['python3.11', '-u', '/opt/x'])", [("python3.11", "-u", "/opt/x")]),
        ("subprocess.run(['rm', '/opt/x'])", [("rm", "/opt/x")]),
        ("subprocess.run(", []),
    ],
)
def test_programs_that_are_started(text: str, commands: list[tuple[str, ...]]) -> None:
    assert list(commands_in(text.encode())) == commands


def test_there_is_an_end_to_them() -> None:
    assert len(list(commands_in(b'os.system("/x")\n' * 1000))) == CALLS_MAX
