"""What steers the AWS SDKs of a process: variables of its environment, each by the class of its value, never the value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from imds_probe.dataclass import dataclass

# "other" is said of what a switch is set to beside true and false, "elsewhere" of an endpoint that is not the instance's, and of a
# proxy that requests for the metadata address go to; "other" also of one that Python sends them to, and Go does not.
ValueClass = Literal["set", "empty", "true", "false", "other", "instance", "elsewhere", "ipv4", "ipv6"]

# Where a profile has credentials from. "instance" is the instance's role, by that name.
Source = Literal["keys", "process", "sso", "web-identity", "container", "environment", "instance", "none", "unreadable"]

DISABLED = "AWS_EC2_METADATA_DISABLED"
V1_DISABLED = "AWS_EC2_METADATA_V1_DISABLED"
ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
ENDPOINT_MODE = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
PROXY = "HTTP_PROXY"  # or http_proxy; with what NO_PROXY says
LOAD_CONFIG = "AWS_SDK_LOAD_CONFIG"
PROFILE, DEFAULT_PROFILE = "AWS_PROFILE", "AWS_DEFAULT_PROFILE"
# What a report that has names alone is taken to mean by them.
_BY_NAME_ALONE: Mapping[str, ValueClass] = {
    DISABLED: "true",
    V1_DISABLED: "true",
    LOAD_CONFIG: "true",
    ENDPOINT: "instance",
    ENDPOINT_MODE: "ipv4",
}


@dataclass(frozen=True)
class Variable:
    """One variable and the class of its value."""

    name: str
    value: ValueClass


@dataclass(frozen=True)
class Profile:
    """What the chosen profile says of where credentials come from, in the shared file of credentials and in that of settings;
    "none" also where there is no such file or profile. `region`: whether it names one.
    """

    credentials: Source
    config: Source
    region: bool = False


@dataclass(frozen=True)
class SdkSettings:
    """What steers the SDKs of one process, or of several to which the same is said: `variables` by their names, sorted. `profile`
    is the one of AWS_PROFILE, else of AWS_DEFAULT_PROFILE, else the default one; None where files were not looked at. SDKs differ
    in which of the variables they read, and in what order: `by_default_variable` is that of AWS_DEFAULT_PROFILE where both are set,
    `unnamed` the default one where either is.
    """

    variables: tuple[Variable, ...] = ()
    profile: Profile | None = None
    by_default_variable: Profile | None = None
    unnamed: Profile | None = None

    @property
    def effective(self) -> Mapping[str, ValueClass]:
        """The variables that say something. An SDK takes one that is empty for one that is not set."""
        return {each.name: each.value for each in self.variables if each.value != "empty"}


def names_of(settings: Iterable[SdkSettings]) -> tuple[tuple[str, ...], ...]:
    """The sets of names alone, each once, sorted."""
    return tuple(sorted({tuple(each.name for each in some.variables) for some in settings}))


def by_names(environment: Iterable[Iterable[str]]) -> tuple[SdkSettings, ...]:
    """Settings of a report that has names alone: such a variable counts as set to what it is mostly set to."""
    return tuple(
        SdkSettings(tuple(Variable(name, _BY_NAME_ALONE.get(name, "set")) for name in names)) for names in environment
    )
