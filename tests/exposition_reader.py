"""Gauges of the textfile collector's file, read by prometheus-client's own parser."""

from prometheus_client.parser import text_string_to_metric_families


def samples(text):
    """Each sample by name and labels, without imds_probe_info."""
    return {
        (sample.name.removeprefix("imds_probe_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("imds_probe_") and sample.name != "imds_probe_info"
    }
