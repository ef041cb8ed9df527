"""One file a subcommand: parse, call, print, exit code. Nothing else prints or exits."""

# Name, and the line that --help shows. A command's module is imported only when it is called: --help stays fast.
COMMANDS: dict[str, str] = {
    "run": "assess this host once: may it be switched to IMDSv2-only?",
    "daemon": "watch all the time, keep a history of callers, and assess on a schedule",
    "watch": "show each call to the metadata service as it happens, with its caller",
    "doctor": "check what the probe can see on this host, and say how to make the rest visible",
    "judge": "judge stored reports again, by this version's catalog and rules",
    "fleet": "make one picture of many reports: who can be switched, and what to fix first",
    "explain": "say what a finding means and how to fix it, or list every command of the switch",
    "catalog": "list software, the first version of each that speaks IMDSv2, and the sources",
    "rehearse": "try IMDSv2-only on a command, unit, container or host, for a limited time",
    "simulate": "run a metadata service on a local address, with hop limit and faults",
    "demo": "build a lab of network namespaces and run the main job in it",
}
