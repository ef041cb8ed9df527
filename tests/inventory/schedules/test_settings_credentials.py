from __future__ import annotations

import pytest

from imds_probe.inventory.schedules import settings_credentials as by_credentials
from imds_probe.inventory.schedules.settings_commands import Language

EKS = """apiVersion: v1
users:
- name: a
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - --region
      - eu-west-1
      # what it is asked
      command: aws
      env:
      - name: AWS_PROFILE
        value: x
- name: b
  user:
    token: command
    # exec:
    exec: {}
- {name: c, user: {}}
- user:
    "exec":
        command: "./helper b"
        args: [token, "-i", 'c d']
    command: /z
"""


@pytest.mark.parametrize(
    ("language", "text", "commands"),
    [
        (by_credentials.kubeconfig, EKS, ["aws --region eu-west-1", "'./helper b' token -i 'c d'"]),
        (by_credentials.kubeconfig, "exec:\ncommand: /z\n", []),
        (by_credentials.kubeconfig, "exec:\n  args: [a]\n", []),
        (
            by_credentials.kubeconfig,
            '{"users": [{"user": {"exec": {"command": "/x", "args": ["a b", 1]}}}, {"user": {"exec": 1}}]}',
            ["/x 'a b' 1"],
        ),
        (by_credentials.kubeconfig, '{"users": ', []),
        (by_credentials.kubeconfig, "[" * 5000, []),
        (by_credentials.git, "[credential]\n\thelper = !aws x $@ ; why\n", ["aws x $@ get"]),
        (by_credentials.git, '[credential "https://a"] helper = "!f() { echo \\"a;b\\"; }; f" # z\n',
         ['f() { echo "a;b"; }; f get']),
        (by_credentials.git, "[Credential]\nhelper=\nHelper = store\nhelper = /opt/x --a\n",
         ["git-credential-store get", "/opt/x --a get"]),
        (by_credentials.git, "[core]\nsshCommand = ssh -i /k\neditor = /z\n[user]\nhelper = /z\n", ["ssh -i /k"]),
        (by_credentials.git, '[remote "origin"]\nurl = codecommit::eu-west-1://a\n[url "x"]\nurl = b::c\n',
         ["git-remote-codecommit origin codecommit::eu-west-1://a"]),
        (by_credentials.git, '[remote "origin"]\nurl = https://a.example/b\n', []),
        (by_credentials.registries, '{"credsStore": "a", "credHelpers": {"x": "b", "y": "a", "z": 1}}',
         ["docker-credential-a get", "docker-credential-b get"]),
        (by_credentials.registries, '{"auths": {}}', []),
        (by_credentials.registries, '{"credsStore": "a; b"}', []),
        (by_credentials.registries, "{", []),
        (by_credentials.registries, '# x\ncredential-helpers = ["containers-auth.json", "ecr-login"]\n',
         ["docker-credential-ecr-login get"]),
    ],
)  # fmt: skip
def test_commands_of_each_language(language: Language, text: str, commands: list[str]) -> None:
    assert [each.command for each in language(text)] == commands


def test_a_command_of_a_kubeconfig_has_a_line_and_lies_beside_it() -> None:
    assert [(each.line, each.directory) for each in by_credentials.kubeconfig(EKS)] == [(11, "."), (23, ".")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-c", "credential.helper=!/x", "pull"], ["/x get"]),
        (["config", "--global", "credential.helper", "!/x"], ["/x get"]),
        (["credential.helper", "!/x"], []),
        (["config", "credential.helper", None], []),
        (["config", "credential.helper"], []),
        (["-c", "user.name=x", "commit"], []),
    ],
)
def test_helpers_that_a_command_line_gives(words: list[str | None], expected: list[str]) -> None:
    assert list(by_credentials.git_helpers(words)) == expected
