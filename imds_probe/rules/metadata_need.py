"""Does a container need the metadata service? Judged by where its SDKs are told to find credentials."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import Container

Credentials = Literal["irsa", "pod-identity", "ecs-task-role", "static", "instance", "unknown"]
NeedState = Literal["observed", "likely", "unlikely", "unknown"]

# In the order in which the SDKs' default provider chains look: AWS SDKs and Tools Reference Guide, credential providers.
_SOURCES: tuple[tuple[Credentials, frozenset[str], str], ...] = (
    ("static", frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}), "access keys in the environment"),
    ("irsa", frozenset({"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"}), "a web identity (IRSA)"),
    ("ecs-task-role", frozenset({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"}), "the ECS task role"),
    ("pod-identity", frozenset({"AWS_CONTAINER_CREDENTIALS_FULL_URI"}), "a container credentials endpoint"),
)
_METADATA_SETTINGS = frozenset(
    {
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "AWS_EC2_METADATA_V1_DISABLED",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        "AWS_METADATA_SERVICE_TIMEOUT",
    }
)
_CREDENTIAL_FILES = frozenset(
    {"AWS_CONFIG_FILE", "AWS_DEFAULT_PROFILE", "AWS_PROFILE", "AWS_SDK_LOAD_CONFIG", "AWS_SHARED_CREDENTIALS_FILE"}
)
_REGIONS = frozenset({"AWS_DEFAULT_REGION", "AWS_REGION"})
_ORDER: tuple[NeedState, ...] = ("observed", "likely", "unknown", "unlikely")


@dataclass(frozen=True)
class Need:
    """Whether metadata is needed, where credentials seem to come from, and why that is thought so."""

    state: NeedState
    credentials: Credentials
    reason: str

    @property
    def in_words(self) -> str:
        """The need and why it is thought so, as evidence."""
        return f"{_IN_WORDS[self.state]}: {self.reason}"


_IN_WORDS: dict[NeedState, str] = {
    "observed": "metadata is needed",
    "likely": "metadata is probably needed",
    "unlikely": "metadata is probably not needed",
    "unknown": "the need for metadata is not known",
}
NOTHING_SAID = Need("unknown", "unknown", "the environment names no source of credentials")


def metadata_need(container: Container) -> Need:
    """Pure. One process that looks for the instance's role is enough for a container to need metadata."""
    if container.sandbox:
        return Need("unlikely", "unknown", "it only holds the network of its pod")
    if container.calls_seen:
        said = _said(container)
        times = "once" if container.calls_seen == 1 else f"{container.calls_seen} times"
        return Need("observed", said.credentials, f"it was seen calling the metadata service {times}")
    return _said(container)


def _said(container: Container) -> Need:
    if container.environment is None:
        return Need("unknown", "unknown", "the environment could not be read")
    if not container.environment and container.sdks:
        return Need(
            "likely", "unknown", f"{container.sdks[0]} runs there, and the environment names no source of credentials"
        )
    return need_of_processes(container.environment)


def need_of_processes(environments: Iterable[Iterable[str]]) -> Need:
    """The need of the most needing of some processes, by the names of the variables that each of them sets."""
    needs = [_of_process(frozenset(names)) for names in environments]
    if not needs:
        return NOTHING_SAID
    return min(needs, key=lambda need: _ORDER.index(need.state))


def _of_process(names: frozenset[str]) -> Need:
    if not names:
        return NOTHING_SAID
    if "AWS_EC2_METADATA_DISABLED" in names:
        source: Credentials = next((source for source, needed, _ in _SOURCES if needed <= names), "unknown")
        return Need("unlikely", source, "AWS_EC2_METADATA_DISABLED is set")
    for source, needed, words in _SOURCES:
        if needed <= names:
            return Need("unlikely", source, f"credentials come from {words}")
    if setting := min(names & _METADATA_SETTINGS, default=""):
        return Need("likely", "instance", f"{setting} is set")
    if setting := min(names & _CREDENTIAL_FILES, default=""):
        return Need("unknown", "unknown", f"{setting} names a profile or file that was not read")
    if setting := min(names & _REGIONS, default=""):
        return Need(
            "likely", "instance", f"{setting} is set without credentials, so an AWS SDK asks for the instance's role"
        )
    return Need(
        "unknown", "unknown", f"the environment sets {', '.join(sorted(names))}, but names no source of credentials"
    )
