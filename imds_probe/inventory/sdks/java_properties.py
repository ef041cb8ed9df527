"""The system properties of a JVM by which the AWS SDKs for Java are told what variables of the environment tell others.

Each counts as its variable does, by the class of its value. Where both SDKs are loaded, what one of them alone reads counts for
none. Source: com.amazonaws.SDKGlobalConfiguration and AwsProfileNameLoader of the SDK 1.x, SdkSystemSetting and
ProfileFileSystemSetting of 2.x; the manual of java(1), JVM Tool Interface, JAVA_TOOL_OPTIONS.
"""

from __future__ import annotations

import contextlib
import posixpath
import shlex
from collections.abc import Iterable, Mapping, Sequence

from imds_probe.facts.sdk_settings import DISABLED, ENDPOINT, PROFILE, V1_DISABLED, Variable
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.variables import value_class

# The first is read by the JVM before the command line, the second after it; the third by the launcher of JDK 9 and later alone.
BEFORE, AFTER, OF_LAUNCHER = "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"
VARIABLES = frozenset((BEFORE, AFTER, OF_LAUNCHER))
_KEY, _SECRET, _TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
_COMMON = {"aws.accessKeyId": _KEY, "aws.sessionToken": _TOKEN, "aws.region": "AWS_REGION", "aws.profile": PROFILE}
_SDK1: Mapping[str, str] = {
    **_COMMON,
    "aws.secretKey": _SECRET,
    "com.amazonaws.sdk.disableEc2Metadata": DISABLED,
    "com.amazonaws.sdk.disableEc2MetadataV1": V1_DISABLED,
    "com.amazonaws.sdk.ec2MetadataServiceEndpointOverride": ENDPOINT,
}
_SDK2: Mapping[str, str] = {
    **_COMMON,
    "aws.secretAccessKey": _SECRET,
    "aws.disableEc2Metadata": DISABLED,
    "aws.disableEc2MetadataV1": V1_DISABLED,
    "aws.ec2MetadataServiceEndpoint": ENDPOINT,
}
_SDKS = (("com.amazonaws:", _SDK1), ("software.amazon.awssdk:", _SDK2))
_KNOWN = frozenset((*_SDK1, *_SDK2))
_VALUED = frozenset(
    (
        *("-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules"),
        *("--limit-modules", "--add-opens", "--add-exports", "--add-reads", "--patch-module", "--enable-native-access"),
    )
)
_LAST = ("-jar", "-m", "--module")  # what stands behind what they name is the program's own


def given(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The properties that a JVM is given which steer the SDKs: the last of a name counts. Values may be secrets."""
    found = _of(_split(environment.get(BEFORE, "")))
    for name in _of(_split(environment.get(OF_LAUNCHER, ""))):
        found.pop(name, None)  # whether it counts depends on the release
    if arguments and posixpath.basename(arguments[0]) == "java":
        found |= _of(_options(arguments))
    return found | _of(_split(environment.get(AFTER, "")))


def _split(text: str) -> list[str]:
    with contextlib.suppress(ValueError):  # a quote that is not closed
        return shlex.split(text)
    return []


def _options(arguments: Sequence[str]) -> list[str]:
    """Those of the JVM, which stand before the class, jar or module that it runs."""
    found: list[str] = []
    at = 1
    while at < len(arguments) and arguments[at].startswith("-") and arguments[at] not in _LAST:
        found.append(arguments[at])
        at += 2 if arguments[at] in _VALUED else 1
    return found


def _of(options: Iterable[str]) -> dict[str, str]:
    pairs = (each[2:].partition("=") for each in options if each.startswith("-D"))
    return {name: value for name, _, value in pairs if name in _KNOWN}


def told(properties: Mapping[str, str], used: Iterable[Library]) -> dict[str, str]:
    """By the variables that they stand for, with their values: those that all SDKs heed which are loaded."""
    packages = {each.package for each in used}
    loaded = [known for begin, known in _SDKS if any(each.startswith(begin) for each in packages)]
    if not loaded or not all(each.startswith(tuple(begin for begin, _ in _SDKS)) for each in packages):
        return {}
    first, *others = [{known[name]: value for name, value in properties.items() if name in known} for known in loaded]
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


def with_properties(variables: Sequence[Variable], properties: Mapping[str, str]) -> tuple[Variable, ...]:
    """The variables of a process with what its properties say. Where both say where or whether to ask, the properties count; of
    keys and profiles, the variables.
    """
    found = {each.name: each for each in variables}
    for name, value in properties.items():
        said = Variable(name, value_class(name, value))
        before = found.get(name)
        has_none = before is None or before.value == "empty"
        if name in (_KEY, _SECRET, _TOKEN):
            # The key and its secret come from one place.
            if has_none and all(properties.get(each) for each in (_KEY, _SECRET)):
                found[name] = said
        elif has_none or said.value not in ("empty", "set"):
            found[name] = said
    return tuple(found[name] for name in sorted(found))
