"""Where reports go. A sink reads nothing but the report; one that fails never changes verdict or exit code."""

# Name, and module: a sink is imported only where it is used, as botocore takes longer to load than a whole run.
SINKS: dict[str, str] = {
    "cloudwatch": "imds_probe.sinks.cloudwatch",
    "cloudwatch-logs": "imds_probe.sinks.cloudwatch_logs",
    "emf": "imds_probe.sinks.emf",
    "ssm-inventory": "imds_probe.sinks.ssm_inventory",
    "textfile": "imds_probe.sinks.textfile",
    "file": "imds_probe.sinks.file",
}
