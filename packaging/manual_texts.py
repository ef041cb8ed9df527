"""What the manual pages of the commands say that argparse does not know. `…` in backquotes is set as it is typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CONFIGURATION = "/etc/imds-probe/imds-probe.toml"
DROP_INS = "/etc/imds-probe/imds-probe.d/*.toml"
STATE = "/var/lib/imds-probe"
DISABLED = "/etc/imds-probe/disabled"
# Whoever hands the manual on may know where to; until there is a place, it is whoever packaged it.
REPORTING = (
    "Tell whoever maintains your package. A wrong verdict is a bug: send the report with it, as `imds-probe run -o json` prints "
    "it."
)


@dataclass(frozen=True)
class Text:
    """Of one command: paragraphs, examples (what for, and the command line), exit statuses, files (path and what it is), other
    pages, and what is known not to work.
    """

    description: tuple[str, ...]
    examples: tuple[tuple[str, str], ...]
    statuses: tuple[int, ...]
    files: tuple[tuple[str, str], ...] = ()
    see_also: tuple[str, ...] = ()
    bugs: tuple[str, ...] = ()


STATUSES: Mapping[int, str] = {
    0: "Success.",
    1: "Not ready: software has to change first.",
    2: "Wrong usage or configuration. Trying again does not help.",
    3: "Unknown: not enough could be seen.",
    4: "Everything speaks IMDSv2, but the switch must raise the hop limit, too.",
    69: "A problem on the host: a full disk, a missing permission, an unusable file.",
    70: "A bug in imds-probe.",
    74: "The output could not be written, for example to a full disk or a closed standard output.",
    75: "Another process holds what imds-probe needs. Trying again later may help.",
    77: f"Switched off: {DISABLED} exists on the host.",
    130: "Interrupted.",
}
# What a status means to one command alone.
OWN_STATUSES: Mapping[tuple[str, int], str] = {
    (
        "run",
        0,
    ): "Ready, also where tokens are required already and nothing on the host is broken. With `--confirm`: the verdict holds.",
    (
        "run",
        3,
    ): "Unknown: not enough could be seen. With `--confirm`: the verdict does not hold, or could not be confirmed.",
    ("run", 74): "The output could not be written. The report was handed to the sinks before.",
    ("judge", 0): "All reports come to ready.",
    ("judge", 1): "The worst verdict is not ready.",
    ("judge", 2): "A file is no report, or the usage is wrong.",
    ("judge", 3): "The worst verdict is unknown.",
    ("judge", 4): "The worst verdict needs a higher hop limit.",
    ("rehearse", 0): "Every process that was refused asked with a token afterwards, or none was refused.",
    (
        "rehearse",
        1,
    ): "A process was refused and gave up, the command failed, the unit or container is not running at the end, or the "
    "rehearsal ended early.",
    ("doctor", 0): "Nothing is missing that the verdict rests on. Something may be limited.",
    ("doctor", 3): "Something is missing that the verdict rests on: it may come out as unknown.",
    ("doctor", 2): "The configuration is wrong, so no run would begin; or the usage is.",
}
CONFIGURED = ((CONFIGURATION, "The configuration, where it exists."), (DROP_INS, "Settings of your own."))
SWITCHED_OFF = ((DISABLED, "While this file exists, imds-probe is switched off on this host."),)
KEPT = ((STATE, "The history of calls, the last report, records of rehearsals, and reports that wait to be sent."),)

# What an option does beyond what --help says.
MORE: Mapping[tuple[str, str], str] = {
    (
        "run",
        "--confirm",
    ): "It looks again at options, hop limit, packages, containers, schedules and callers, which takes a moment.",
    (
        "run",
        "--image",
    ): "The image is a mounted snapshot, or the root of an image that is being built. Nothing is sent, no process is looked "
    "at, and no network namespace is entered. The verdict rests on packages, code and schedules alone. It says whether "
    "`ImdsSupport=v2.0` may be set on the image, with the command.",
    (
        "run",
        "--full-command-lines",
    ): "They go wherever the report goes. Without this option, the report has program, script, sub-commands, "
    "names of options, and values that are known to be harmless.",
    (
        "run",
        "--report",
    ): "imds-probe reports a failed sink on standard error. The failure changes neither verdict nor exit status, and the report "
    "waits for the next run.",
    (
        "run",
        "--control-plane",
    ): "The instance's role needs the policy control-plane. The setting `control_plane.ask` does the same once a day.",
    (
        "run",
        "--no-code",
    ): "By default, code is read, and the report names code that asks the metadata service without a token.",
    (
        "run",
        "--user-data",
    ): "The user data is opened in memory. The report keeps the words that matched, and no other text of the user data.",
    (
        "run",
        "--deep",
    ): "Without this option, the search stops after 3 seconds or 250,000 names. Running processes are inspected in any "
    "case.",
    ("run", "--watch"): "The run takes that much longer.",
    (
        "run",
        "--verbose",
    ): "A line for each collector on standard error: what it looks at, what came of it, and how long it took.",
    (
        "rehearse",
        "--container",
    ): "The token response reaches it only if the hop limit is larger than the measured distance between the "
    "container and the service.",
    (
        "rehearse",
        "--host",
    ): "Containers that cannot be rehearsed are named with the reason. The rehearsal is refused if a packet rule redirects "
    "requests to the service, or keeps programs of the host from it.",
    ("rehearse", "--hop-limit"): "It is the IP TTL of the token responses, less the distance of the container.",
    (
        "rehearse",
        "--no-record",
    ): "Otherwise the runs that follow count the result as evidence, until what was rehearsed changes, and for "
    "`rehearse.max_age` at most.",
    ("rehearse", "--undo"): "The rules of a killed rehearsal match nothing any more.",
}

TEXTS: Mapping[str, Text] = {
    "run": Text(
        description=(
            "Asks the instance metadata service for a session token, and measures the hop limit of its answer. Looks for "
            "installed software that the catalog knows, and for code that asks without a token. Measures from inside each "
            "running container how far the service is, and whether a token arrives. Prints a verdict, its reasons, and the "
            "commands to switch and to roll back.",
            "It needs root for all that. Without root, containers are unknown, and so is the verdict. `imds-probe doctor` "
            "says what else is missing. A run makes at most one request without a token, and none with `--no-v1-probe`. Nothing "
            "is sent where the firmware does not say that this is an EC2 instance.",
        ),
        examples=(
            ("Assess this host", "imds-probe run"),
            ("Keep the whole report, and print what a person reads", "imds-probe run --keep report.json"),
            ("Watch for five minutes who calls, too", "imds-probe run --watch 5m"),
            ("Assess an image that is mounted", "imds-probe run --root /mnt --image"),
            ("See whether the verdict of this morning still holds", "imds-probe run --confirm report.json"),
            ("Send the report to CloudWatch", "imds-probe run --report cloudwatch --exit-zero"),
        ),
        statuses=(0, 1, 2, 3, 4, 69, 70, 74, 75, 77, 130),
        files=(*CONFIGURED, *SWITCHED_OFF, *KEPT),
        see_also=("doctor", "daemon", "rehearse", "explain", "judge", "fleet"),
        bugs=(
            "A program that is started by hand after the run is not seen. A watch sees it.",
            "A verdict is about one host as it is now. The next instance of its Auto Scaling group may differ.",
        ),
    ),
    "daemon": Text(
        description=(
            f"Watches all calls to the metadata service, keeps their callers in {STATE}/callers.sqlite3, and assesses the "
            f"host on a schedule. The last report is {STATE}/report.json. SIGHUP makes it read the configuration again. "
            "SIGTERM stops it.",
            "imds-probe-daemon.service starts it. It takes the place of imds-probe.timer.",
        ),
        examples=(
            ("Enable it", "systemctl enable --now imds-probe-daemon.service"),
            ("Have it read the configuration again", "systemctl reload imds-probe-daemon.service"),
            ("Try it in another directory, by hand", "imds-probe daemon --state-directory /tmp/imds-probe"),
        ),
        statuses=(0, 2, 69, 70, 75),
        files=(
            *CONFIGURED,
            *SWITCHED_OFF,
            *KEPT,
            ("/run/imds-probe", "Where the watch from early in the boot hands over."),
        ),
        see_also=("run", "watch", "doctor"),
        bugs=(
            "A caller that lives for a few milliseconds may have no name where the kernel has no tracing: before Linux 4.16.",
        ),
    ),
    "watch": Text(
        description=(
            "Shows who calls the metadata service, by IMDSv1 or IMDSv2, with process, systemd unit and container. It needs "
            "root. On a terminal it is a table that is drawn anew; elsewhere, a line for each call and a table at the end.",
        ),
        examples=(
            ("Watch until Ctrl-C", "imds-probe watch"),
            ("See who still uses IMDSv1, for ten minutes", "imds-probe watch --v1-only --for 10m"),
            ("Hand each call to another program", "imds-probe watch --json"),
        ),
        statuses=(0, 2, 69, 70, 74, 77, 130),
        files=(*CONFIGURED, *SWITCHED_OFF),
        see_also=("daemon", "run"),
        bugs=("A request that is sent by a virtual machine is named by its interface, not by its process.",),
    ),
    "doctor": Text(
        description=(
            "Looks at what a run needs of this host: rights, kernel, tracing, packet sockets, network namespaces, packages, "
            "records of containers, configuration, state directory, history, reports that wait, units, clock. For each thing "
            "that is limited or missing it says what stays unknown, what else that costs, and what to do.",
            "It sends nothing, changes nothing, and asks neither the metadata service nor AWS. It works as an ordinary user, "
            "in a container and in a unit, and says there what is missing there.",
        ),
        examples=(
            ("See what is missing", "imds-probe doctor"),
            ("See what is in order, too", "imds-probe doctor --verbose"),
            ("Look at the host around a container", "imds-probe doctor --root /host"),
            ("Have a program read it", "imds-probe doctor -o json"),
        ),
        statuses=(0, 2, 3, 70, 74, 77),
        files=(*CONFIGURED, *SWITCHED_OFF, *KEPT),
        see_also=("run", "daemon"),
        bugs=("Something that a security module forbids looks as if it were not there. The check names the module.",),
    ),
    "judge": Text(
        description=(
            "Judges stored reports of any hosts by the catalog and the rules of this version, and says what has changed. "
            "One report is then printed as `imds-probe run` prints it. Nothing is sent, and no host is looked at.",
        ),
        examples=(
            ("Read a report again", "imds-probe judge report.json"),
            ("By a catalog of your own, too", "imds-probe judge --catalog mine.json report.json"),
            ("One line of JSON for each report", "imds-probe judge -o json report.json"),
        ),
        statuses=(0, 1, 2, 3, 4, 70, 74),
        see_also=("run", "fleet", "catalog"),
        bugs=("A report of an earlier version may lack what a newer rule needs; the rule says so.",),
    ),
    "fleet": Text(
        description=(
            "Reads the reports of many hosts and prints how many of them may be switched, what holds the others back, and in "
            "which order the fixes free most of them. The newest report of each host counts. Files that are no reports are "
            "counted and named.",
            "`imds-probe fleet plan` prints batches of hosts that may be switched now.",
        ),
        examples=(
            ("One picture of all reports in a directory", "imds-probe fleet reports"),
            ("By account and Region", "imds-probe fleet --by account,region reports"),
            ("A row for each host, for a spreadsheet", "imds-probe fleet -o csv reports"),
            ("Hosts that may be switched now, two of each owner first", "imds-probe fleet plan --canaries 2 reports"),
        ),
        statuses=(0, 2, 70, 74),
        see_also=("run", "judge"),
        bugs=("A host that never reported is known only from the output of `aws ec2 describe-instances`.",),
    ),
    "explain": Text(
        description=(
            "Prints what a finding means, why it matters, and how to fix it. With `switch`, it prints every command of the "
            "switch in steps, for the instance and for what launches the next one.",
        ),
        examples=(
            ("List all findings", "imds-probe explain"),
            ("One finding at length", "imds-probe explain imdsv1-caller"),
            ("Every command of the switch of this host", "imds-probe explain switch"),
            ("Of another host", "imds-probe explain switch report.json"),
        ),
        statuses=(0, 2, 70, 74),
        files=(
            (
                f"{STATE}/report.json",
                "The daemon's last report. Where none is named, `switch` is read from the newer of the two.",
            ),
            (f"{STATE}/reports/report.json", "The last report of the sink `file`."),
        ),
        see_also=("run", "catalog"),
        bugs=("The commands are those of the last report. Run imds-probe again before you switch.",),
    ),
    "catalog": Text(
        description=(
            "Prints the first version of each software that speaks IMDSv2, and the source of that figure. A table that is wider "
            "than the terminal leaves columns out and says which.",
        ),
        examples=(
            ("The whole table", "imds-probe catalog"),
            ("All that is known of one", "imds-probe catalog --sources cloud-init"),
            ("Everything for a program", "imds-probe catalog -o json"),
            ("Check a file of your own", "imds-probe catalog --extra mine.json --sources mine"),
        ),
        statuses=(0, 2, 70, 74),
        files=CONFIGURED,
        see_also=("run", "judge"),
        bugs=("Software that is not in the catalog is judged by its code and by what it calls, or not at all.",),
    ),
    "rehearse": Text(
        description=(
            "Runs a command for which the metadata service behaves as after the switch: the service refuses the command and its "
            "children without a token. With `--unit` or `--container`, the same is done to a unit or container that is "
            "running, and with `--host` to all programs of the host and the containers whose requests it forwards. Nothing "
            "changes for the instance and its other programs.",
            "A packet rule redirects the connections of one control group to a relay on loopback. The rule matches only "
            "while imds-probe renews an entry that expires after 4 seconds. If imds-probe ends or hangs, the rehearsal is "
            "over within 5 seconds. At the end, a table on standard error says for each process that asked whether it used a "
            "token. A line after it says whether everything is undone.",
            "A rehearsal needs root, and nf_tables of Linux 4.18 or later. Before Linux 4.18 it needs iptables and "
            "ip6tables, and control groups of version 1. With version 1, a unit and a container that shares its network are "
            "rehearsed by net_cls, and refused where their traffic has a class already. Without root, nothing is rehearsed: "
            "imds-probe prints the variable that makes AWS SDKs ask with tokens only.",
        ),
        examples=(
            ("Rehearse a script", "imds-probe rehearse -- /usr/local/bin/backup.sh"),
            ("Rehearse a unit with its start", "imds-probe rehearse --unit app.service --restart-unit --for 15m"),
            (
                "Rehearse a container, and end if its page fails",
                "imds-probe rehearse --container web --check-url http://127.0.0.1:8080/",
            ),
            ("Remove what a killed rehearsal left behind", "imds-probe rehearse --undo"),
        ),
        statuses=(0, 1, 2, 69, 70, 74, 75, 77),
        files=(
            *CONFIGURED,
            *SWITCHED_OFF,
            (f"{STATE}/rehearsals.json", "The record of rehearsals, which runs count as evidence."),
        ),
        see_also=("run", "watch"),
        bugs=(
            "A rehearsal covers neither credentials that an AWS SDK has kept nor the boot of the instance. A process that "
            "did not ask proves nothing.",
        ),
    ),
    "simulate": Text(
        description=(
            "Serves the metadata of a made-up instance on a local address, with both versions, a hop limit, and faults that "
            "can be switched on. AWS SDKs use it by the variable AWS_EC2_METADATA_SERVICE_ENDPOINT.",
        ),
        examples=(
            ("Serve on loopback", "imds-probe simulate"),
            ("With tokens required", "imds-probe simulate --set http_tokens=required --verbose"),
            ("On another port", "imds-probe simulate --listen 127.0.0.1:8111"),
        ),
        statuses=(0, 2, 69, 70, 130),
        see_also=("demo", "run"),
        bugs=("It serves metadata, and no other API of EC2.",),
    ),
    "demo": Text(
        description=(
            "Builds a lab of network namespaces with a made-up instance, containers and software, and runs the main job in "
            "it. It sends nothing outside of the lab. It needs root, or user namespaces.",
        ),
        examples=(
            ("Show the product", "imds-probe demo"),
            ("Without a lab, where namespaces cannot be made", "imds-probe demo --loopback"),
        ),
        statuses=(0, 2, 69, 70, 130),
        see_also=("run", "simulate"),
        bugs=(
            "With `--loopback` there are no containers to measure and no processes to inspect, so no verdict of it is better than "
            "unknown.",
        ),
    ),
}
