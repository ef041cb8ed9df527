"""Programs whose command lines are known well enough to say which words of them are no secrets."""

from __future__ import annotations

from collections.abc import Mapping

from imds_probe.dataclass import dataclass

_VERBS = (
    *("abort", "accept", "activate", "add", "apply", "associate", "assume", "attach", "authorize", "batch", "cancel"),
    *("complete", "copy", "create", "deactivate", "decode", "decrypt", "delete", "deploy", "deregister", "describe"),
    *(
        "detach",
        "disable",
        "disassociate",
        "enable",
        "encrypt",
        "execute",
        "exec",
        "export",
        "filter",
        "generate",
        "get",
    ),
    *("import", "initiate", "invoke", "list", "lookup", "modify", "move", "package", "poll", "publish", "purge", "put"),
    *("query", "read", "reboot", "receive", "record", "register", "release", "remove", "reset", "resume", "revoke"),
    *("rotate", "run", "scan", "select", "send", "set", "start", "stop", "submit", "subscribe", "tag", "terminate"),
    *("test", "transact", "unsubscribe", "untag", "update", "upload", "validate", "wait"),
)


@dataclass(frozen=True)
class Interpreter:
    """A program whose argument is another program. Every other option than these may have a value that is a secret.

    flags: options without a value. valued: those with one, which is passed over. code: what follows is the text of a program
    or, with `module`, the name of one. script: what stands for a program's file (Java: behind an option of its own).
    takes_text: the first argument that is no option is the text of a program.
    """

    flags: frozenset[str]
    valued: frozenset[str] = frozenset()
    code: frozenset[str] = frozenset()
    module: frozenset[str] = frozenset()
    script: frozenset[str] = frozenset()
    ends: tuple[str, ...] = ()
    takes_text: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SHELL = Interpreter(
    _words("-e -u -x -l -i -s -p -eu -ex -eux -euo -xe --login --posix --norc --noprofile"),
    valued=_words("-o +o --rcfile --init-file"),
    code=_words("-c -lc -ec -ic -exc -xc -euc -euxc -xec"),
    ends=(".sh", ".bash"),
)
_PYTHON = Interpreter(
    _words("-u -E -I -s -S -B -O -OO -b -q -v -x -P -i -Es -sE -uB -Bu -Is -sI"),
    valued=_words("-W -X"),
    code=_words("-c -uc -Ic"),
    module=_words("-m -um -Im -sm"),
    ends=(".py", ".pyc", ".pyz"),
)
INTERPRETERS: Mapping[str, Interpreter] = {
    **dict.fromkeys(("sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish"), _SHELL),
    **dict.fromkeys(("python", "pypy", "platform-python"), _PYTHON),
    "perl": Interpreter(
        _words("-w -T -t -W -X -s -wT -Tw"), code=_words("-e -E -ne -pe -le -lne -ple -i"), ends=(".pl",)
    ),
    "ruby": Interpreter(
        _words("-w -v -W0 -W1 -W2 -s -S --yjit --jit --disable-gems"),
        valued=_words("-I -r -C -E"),
        code=_words("-e -ne -pe"),
        ends=(".rb",),
    ),
    **dict.fromkeys(
        ("node", "nodejs"),
        Interpreter(
            _words("--no-warnings --enable-source-maps --inspect --trace-warnings --expose-gc --no-deprecation"),
            valued=_words("-r --require --import --loader --experimental-loader"),
            code=_words("-e -p -pe --eval --print"),
            ends=(".js", ".mjs", ".cjs", ".ts"),
        ),
    ),
    "php": Interpreter(
        _words("-n -q"), valued=_words("-c -d"), code=_words("-r -B -R -E"), script=_words("-f"), ends=(".php", ".phar")
    ),
    "java": Interpreter(
        _words("-server -client -ea -da -esa -dsa -showversion --enable-preview"),
        valued=_words(
            "-cp -classpath --class-path -p --module-path --add-opens --add-exports --add-modules --add-reads"
        ),
        script=_words("-jar"),
        ends=(".jar", ".war"),
    ),
    **dict.fromkeys(
        ("awk", "gawk", "mawk", "nawk", "original-awk"),
        Interpreter(
            _words("--posix --traditional --re-interval --sandbox"),
            valued=_words("-F -v --field-separator --assign"),
            script=_words("-f --file"),
            ends=(".awk",),
            takes_text=True,
        ),
    ),
    "dotnet": Interpreter(
        _words("exec"),
        valued=_words(
            "--fx-version --roll-forward --runtimeconfig --depsfile --additionalprobingpath --additional-deps"
        ),
        ends=(".dll",),
    ),
}
# What asks once and ends: whose it is says whoever runs it. Some are scripts of an interpreter.
FETCHERS = frozenset(
    (
        *("curl", "wget", "wget2", "busybox", "toybox", "http", "https", "httpie", "xh", "nc", "ncat", "openssl"),
        *("lwp-request", "lwp-download", "lwp-dump", "lwp-mirror", "GET", "HEAD", "POST", "aria2c", "axel", "lynx"),
        *("w3m", "links", "elinks", "curlie"),
    )
)
# What may stand directly behind the program; behind that, for those that have it, one word of a second set.
_OF_AWS = _words(
    "acm apigateway application-autoscaling athena autoscaling backup batch cloudformation cloudfront cloudtrail "
    "cloudwatch codeartifact codebuild codecommit codedeploy codepipeline cognito-idp configservice configure deploy "
    "dynamodb ec2 ec2-instance-connect ecr ecr-public ecs efs eks elasticache elb elbv2 emr es events firehose fsx glue "
    "iam imagebuilder kafka kinesis kms lambda logs mq opensearch organizations rds redshift resourcegroupstaggingapi "
    "route53 s3 s3api secretsmanager ses sesv2 sns sqs ssm sso sso-oidc stepfunctions sts support waf wafv2"
)
_AWS_SECOND = _words(
    "ls cp sync mv rm mb rb presign website set get list sso import export-credentials push package tail start-live-tail login"
)
SUBCOMMANDS: Mapping[str, frozenset[str]] = {
    "aws": _OF_AWS,
    "git": _words(
        "add am archive bundle checkout clean clone commit fetch gc init log ls-files ls-remote merge pull push "
        "rebase remote reset rev-parse show status submodule switch"
    ),
    **dict.fromkeys(
        ("docker", "podman", "nerdctl"),
        _words(
            "attach build commit compose container cp create events exec image images info inspect "
            "kill load login logout logs network ps pull push restart rm rmi run start stats stop system tag "
            "version volume"
        ),
    ),
    "kubectl": _words(
        "apply attach auth config cordon cp create delete describe drain edit exec get label logs patch "
        "port-forward proxy rollout run scale set taint top uncordon version wait"
    ),
    "helm": _words(
        "dependency get history install lint list package pull push registry repo rollback search status "
        "template test uninstall upgrade"
    ),
    "systemctl": _words(
        "cat daemon-reload disable enable is-active is-enabled isolate kill list-units mask reload "
        "reload-or-restart restart show start status stop try-restart unmask"
    ),
    **dict.fromkeys(
        ("apt", "apt-get", "dnf", "yum", "microdnf", "zypper", "apk"),
        _words(
            "add autoremove check-update clean dist-upgrade download info install list makecache "
            "refresh reinstall remove search update upgrade"
        ),
    ),
    "snap": _words("install list refresh remove run set get start stop"),
    **dict.fromkeys(
        ("pip", "pip3", "pipx", "uv"), _words("download freeze install list run show sync uninstall wheel")
    ),
    **dict.fromkeys(("npm", "yarn", "pnpm"), _words("audit build ci exec install publish run start test")),
    **dict.fromkeys(
        ("terraform", "tofu"),
        _words(
            "apply console destroy fmt get import init output plan providers refresh show state "
            "taint validate workspace"
        ),
    ),
    "vault": _words(
        "agent audit auth delete kv lease list login operator policy proxy read secrets server ssh status "
        "token unwrap write"
    ),
    "consul": _words("agent catalog connect event exec join kv leave lock members monitor operator reload watch"),
    "cloud-init": _words("analyze clean collect-logs devel init modules query schema single status"),
    "rclone": _words("check copy copyto delete ls lsd mount move sync"),
    "restic": _words("backup check forget init prune restore snapshots"),
    "go": _words("build generate get install list mod run test tool version vet"),
    "imds-probe": _words("catalog daemon demo explain judge rehearse run simulate watch"),
    **dict.fromkeys(("busybox", "toybox"), _words("ash cat httpd nc sh sleep tar wget")),
}
_PLAIN = _words(
    "curl wget ssh scp sshpass rsync sudo env nohup timeout nice xargs openssl gpg psql pg_dump mysql mysqldump mongo "
    "mongosh redis-cli nginx httpd apache2 haproxy envoy kubelet containerd dockerd crond cron systemd systemd-run "
    "amazon-ssm-agent ssm-agent-worker ssm-document-worker amazon-cloudwatch-agent ecs-agent aws-vault s3cmd s5cmd "
    "s3fs fluent-bit fluentd telegraf filebeat vector gunicorn uwsgi celery uvicorn http httpie nc ncat socat ldapsearch "
    "runc crun youki conmon containerd-shim crio lxc-start docker-proxy systemd-nspawn amazon-cloudwat"
)
KNOWN = _PLAIN | frozenset(INTERPRETERS) | frozenset(SUBCOMMANDS)


def is_operation(program: str, words: int, word: str) -> bool:
    """Whether a word is one of a program's own, with so many of them before it and nothing else."""
    if words == 0:
        return word in SUBCOMMANDS.get(program, ())
    if words > 1:
        return False
    if program in ("docker", "nerdctl", "podman"):
        return word in ("up", "down", "pull", "build", "logs", "ps")
    if program == "aws":
        return word in _AWS_SECOND or _is_api_operation(word)
    return False


def _is_api_operation(word: str) -> bool:
    """As the AWS CLI writes the operations of its services: "describe-instances". It takes nothing else there."""
    verb, hyphen, rest = word.partition("-")
    plain = rest.replace("-", "").isascii() and rest.replace("-", "").isalpha() and rest.islower()
    return verb in _VERBS and (not hyphen or (plain and len(rest) <= 50))
