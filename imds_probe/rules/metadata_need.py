"""Does a container need the metadata service? Credentials are one part of the answer, all other metadata is the other.

Credentials are judged by where its SDKs are told to find them, as far as each of them heeds what it is told; other metadata by what
the software is known to ask for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Asked, Switch, asked_switch
from imds_probe.catalog.settings_in_force import first_on, state_of
from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import Container
from imds_probe.facts.facts import Facts
from imds_probe.facts.sdk_settings import (
    DISABLED,
    ENDPOINT,
    ENDPOINT_MODE,
    PROXY,
    V1_DISABLED,
    Profile,
    SdkSettings,
    Source,
    ValueClass,
)
from imds_probe.rules.asking import ANY_SDK, Asking, asking_in
from imds_probe.rules.quiet import never_called, why_left_open

Credentials = Literal["irsa", "pod-identity", "ecs-task-role", "static", "profile", "instance", "unknown"]
NeedState = Literal["observed", "likely", "unlikely", "unknown"]

_KEYS = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"})
# In the order in which the SDKs' default provider chains look: AWS SDKs and Tools Reference Guide, credential providers.
_SOURCES: tuple[tuple[Credentials, frozenset[str], str], ...] = (
    ("static", _KEYS, "access keys in the environment"),
    ("irsa", frozenset({"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"}), "a web identity (IRSA)"),
    ("ecs-task-role", frozenset({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"}), "the ECS task role"),
    ("pod-identity", frozenset({"AWS_CONTAINER_CREDENTIALS_FULL_URI"}), "a container credentials endpoint"),
)
_METADATA_SETTINGS = frozenset(
    {ENDPOINT, ENDPOINT_MODE, V1_DISABLED, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "AWS_METADATA_SERVICE_TIMEOUT"}
)
_CREDENTIAL_FILES = frozenset(
    {"AWS_CONFIG_FILE", "AWS_DEFAULT_PROFILE", "AWS_PROFILE", "AWS_SDK_LOAD_CONFIG", "AWS_SHARED_CREDENTIALS_FILE"}
)
_KEY_OF: Mapping[Source, str] = {
    "keys": "aws_access_key_id",
    "process": "credential_process",
    "sso": "sso_start_url",
    "web-identity": "AWS_WEB_IDENTITY_TOKEN_FILE",  # the profile's key and the variable came together
    **dict.fromkeys(("container", "environment", "instance"), "role_arn"),
}
_FROM_PROFILE: Mapping[Source, str] = {
    "keys": "access keys",
    "process": "a program (credential_process)",
    "sso": "IAM Identity Center",
    "web-identity": "a web identity",
    "container": "a container credentials endpoint",
    "environment": "a role by keys of the environment",
}
_REGIONS = frozenset({"AWS_DEFAULT_REGION", "AWS_REGION"})
_ORDER: tuple[NeedState, ...] = ("observed", "likely", "unknown", "unlikely")


@dataclass(frozen=True)
class Part:
    """One part of a need, and why it is thought so."""

    state: NeedState
    reason: str


@dataclass(frozen=True)
class Need:
    """Whether metadata is needed, where credentials seem to come from, and why that is thought so. `for_credentials` and `other`
    are its two parts: what is not known of the other metadata does not make a need of it.
    """

    state: NeedState
    credentials: Credentials
    reason: str
    for_credentials: Part
    other: Part

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
_NO_SOURCE = "the environment names no source of credentials"
_OTHER_UNKNOWN = Part("unknown", "no software was recognised there that is known to ask for other metadata")


@dataclass(frozen=True)
class _OfProcess:
    """What one process does with what it is told. `silent` says why it asks the instance's service for nothing at all."""

    part: Part
    credentials: Credentials = "unknown"
    silent: str = ""
    says_nothing: bool = False


def metadata_need(container: Container, facts: Facts, catalog: Catalog) -> Need:
    """Pure. One process that looks for the instance's role is enough for a container to need metadata."""
    if container.sandbox:
        return _same("unlikely", "unknown", "it only holds the network of its pod")
    said = _said(container, facts, catalog)
    if container.calls_seen:
        times = "once" if container.calls_seen == 1 else f"{container.calls_seen} times"
        reason = f"it was seen calling the metadata service {times}"
        return Need("observed", said.credentials, reason, said.for_credentials, said.other)
    if container.own_stack:
        return unknown_need(f"its programs could not be inspected: {container.own_stack}")
    if said.state == "unknown" and (quiet := never_called(container, facts)):
        return Need("unlikely", said.credentials, quiet, Part("unlikely", quiet), Part("unlikely", quiet))
    if said.state == "unknown" and (left := why_left_open(container, facts)):
        return replace(said, reason=f"{said.reason}; {left}")
    return said


def unknown_need(why: str) -> Need:
    """The need where it could not be judged."""
    return _same("unknown", "unknown", why)


def need_of_processes(told: Iterable[SdkSettings], asking: Asking) -> Need:
    """The need of the most needing of some processes, by what each of them is told and what their software does with it."""
    return _need([(_of_process(each, asking), asking, each) for each in tuple(told) or (SdkSettings(),)])


def says_nothing(told: SdkSettings, asking: Asking) -> bool:
    """Whether it is not known if a process needs metadata only because it is told nothing that would say so."""
    return _of_process(told, asking).says_nothing


def _said(container: Container, facts: Facts, catalog: Catalog) -> Need:
    there = asking_in(container, facts, catalog)
    sdks = [each for each in there if each.is_sdk and each.heeds_sources]
    if container.told is None:
        unread = _OfProcess(Part("unknown", "the environment could not be read"))
        return _need([(unread, each, None) for each in there or [ANY_SDK]])
    processes = [
        (_of_process(told, sdk), sdk, told)
        for sdk in sdks or [ANY_SDK]
        for told in sdk.told or container.told or (SdkSettings(),)
    ]
    runs = sdks[0].name if sdks else next(iter(container.sdks), "")
    if runs:
        processes = [(_as_the_role(one, sdk.name if sdks else runs), sdk, told) for one, sdk, told in processes]
    others = [
        (_of_process(told, each), each, told)
        for each in there
        if each not in sdks and each.asks_for
        for told in each.told or container.told or (SdkSettings(),)
    ]
    return _need(processes, others)


def _as_the_role(one: _OfProcess, sdk: str) -> _OfProcess:
    """An SDK that is told of no source asks for the instance's role."""
    return _OfProcess(Part("likely", f"{sdk} runs there, and {one.part.reason}")) if one.says_nothing else one


_Told = tuple[_OfProcess, Asking, SdkSettings | None]


def _need(processes: Sequence[_Told], others: Sequence[_Told] = ()) -> Need:
    most = min((one for one, _, _ in processes), key=lambda one: _ORDER.index(one.part.state))
    # What stands for software that was not recognised says nothing where some was that asks for other metadata.
    other = _other([*(each for each in processes if not others or each[1] is not ANY_SDK), *others])
    part, credentials = most.part, most.credentials
    if part.state in ("observed", "likely") or other.state != "likely":
        return Need(part.state, credentials, part.reason, part, other)
    return Need("likely", credentials, other.reason, part, other)


def _other(processes: Sequence[_Told]) -> Part:
    """What is asked for beside credentials, by what is known of the software."""
    found: list[Part] = []
    for one, asking, told in processes:
        if one.silent:
            found.append(Part("unlikely", one.silent))
            continue
        set_there = _set_there(told, asking) if told else set()
        found += [_asked_part(asking, index, set_there) for index in range(len(asking.asks_for))]
        if not asking.asks_for:
            found.append(_OTHER_UNKNOWN)
    return min(found, key=lambda part: _ORDER.index(part.state), default=_OTHER_UNKNOWN)


def _set_there(told: SdkSettings, asking: Asking) -> set[str]:
    """The variables that are set there, with those of the region where a profile names one."""
    chosen = asking.profiles(told)
    return {*told.effective, *(_REGIONS if chosen and all(profile.region for profile in chosen) else ())}


def _asked_part(asking: Asking, index: int, set_there: Collection[str]) -> Part:
    """What is known of one thing that software asks for, where these variables are set."""
    asked = asking.asks_for[index]
    spared = next((name for name in asked.unless if name in set_there), "")
    if spared:
        return Part("unlikely", f"{asking.name} takes {asked.what} from {spared}")
    if asked.switch:
        return _by_its_settings(asking, asked, asked_switch(index), asked.switch)
    if asked.when == "always":
        return Part("likely", f"{asking.name} asks for {asked.what}")
    if call := next((call for call in asking.calls if call.name in asked.calls), None):
        return Part("likely", f"{call.path} has {asking.name} ask for {asked.what} by {call.name}")
    return Part("unknown", f"{asking.name} {_may_ask(asking, asked)}")


def _by_its_settings(asking: Asking, asked: Asked, name: str, switch: Switch) -> Part:
    state = state_of(name, switch, asking.settings)
    if asked.when == "always":
        if state.in_force == "yes":
            return Part("unlikely", f"{asking.name} does not ask for {asked.what}, as {state}")
        return Part("likely", f"{asking.name} asks for {asked.what}")
    if on := first_on(name, switch, asking.settings):
        return Part("likely", f"{asking.name} asks for {asked.what}: {on.place} tells it to")
    if state.in_force == "no":
        return Part("unlikely", f"{asking.name} asks for {asked.what} only if told to, and {state.place} does not")
    problem = f" ({state.problem})" if state.problem else ""
    return Part("unknown", f"{asking.name} {_may_ask(asking, asked)}{problem}")


def _may_ask(asking: Asking, asked: Asked) -> str:
    """What software asks for only where it is told to, or where nothing names it: the rest of a sentence."""
    if asking.is_sdk and asked.unless:
        return f"asks for {asked.what} unless a program or {' or '.join(asked.unless)} names it"
    return f"asks for {asked.what} where {'a program' if asking.is_sdk else 'its configuration'} tells it to"


def by_configuration(container: Container, facts: Facts, catalog: Catalog) -> tuple[Part, ...]:
    """What is known of all that software in a container asks for only where its own configuration tells it to, while nothing
    turns metadata off there. Of SDKs, what a variable would spare them.
    """
    found = []
    for each in asking_in(container, facts, catalog):
        told = [one for one in container.told or (SdkSettings(),) if not _of_process(one, each).silent]
        if not told:
            continue
        for index, asked in enumerate(each.asks_for):
            if asked.when != "always" and (asked.unless or not each.is_sdk):
                parts = (_asked_part(each, index, _set_there(one, each)) for one in told)
                found.append(min(parts, key=lambda part: _ORDER.index(part.state)))
    return tuple(found)


def _of_process(told: SdkSettings, asking: Asking) -> _OfProcess:
    names = {name: value for name, value in told.effective.items() if name != PROXY}
    heeded = {name: value for name, value in names.items() if asking.heeds(name, names)}
    source, words = next(
        ((source, words) for source, needed, words in _SOURCES if needed <= heeded.keys()), ("unknown", "")
    )
    if silent := _silent(heeded, asking):
        return _OfProcess(Part("unlikely", silent), source, silent)
    if not asking.heeds_sources:
        return _OfProcess(Part("unknown", f"{asking.name} looks at no source of credentials"), source)
    if words:
        return _OfProcess(Part("unlikely", f"credentials come from {words}"), source)
    ignored = _ignored(told, heeded, asking)
    if setting := min(heeded.keys() & _METADATA_SETTINGS, default=""):
        return _OfProcess(Part("likely", f"{setting} is set"), "instance")
    if told.profile is not None:
        if (said := _of_profiles(asking.profiles(told), names, asking)) is not None:
            return said
    elif setting := min(heeded.keys() & _CREDENTIAL_FILES, default=""):
        return _OfProcess(Part("unknown", f"{setting} names a profile or file that was not read"))
    if setting := min(heeded.keys() & _REGIONS, default=""):
        why = f"{setting} is set without credentials{ignored}, so an AWS SDK asks for the instance's role"
        return _OfProcess(Part("likely", why), "instance")
    read = _CREDENTIAL_FILES if told.profile is not None else frozenset()
    rest = sorted(name for name in heeded if name != DISABLED and name not in read)
    why = f"the environment sets {', '.join(rest)}, but names no source of credentials" if rest else _NO_SOURCE
    # Half a pair of keys is an error to most SDKs: they do not look further.
    return _OfProcess(Part("unknown", f"{why}{ignored}"), says_nothing=not heeded.keys() & _KEYS)


def _of_profiles(profiles: Sequence[Profile], set_there: Mapping[str, ValueClass], asking: Asking) -> _OfProcess | None:
    """What the most needing of the profiles that may be meant says; None where one of them names no source."""
    said = [each for each in (_of_profile(profile, set_there, asking) for profile in profiles) if each is not None]
    return min(said, key=lambda one: _ORDER.index(one.part.state)) if len(said) == len(profiles) else None


def _of_profile(profile: Profile, set_there: Mapping[str, ValueClass], asking: Asking) -> _OfProcess | None:
    """What the files that the SDK reads say; None where they name no source."""
    files = [("the shared credentials file", profile.credentials)] if asking.reads_credentials(set_there) else []
    if asking.reads_config(set_there):
        files.append(("the shared config file", profile.config))
    for file, source in files:
        if source == "unreadable":
            return _OfProcess(Part("unknown", f"{file} could not be read"))
        if source == "instance" and asking.heeds(_KEY_OF[source]):
            return _OfProcess(Part("likely", f"the profile in {file} names the instance's role"), "instance")
        if source != "none" and asking.heeds(_KEY_OF[source]):
            return _OfProcess(Part("unlikely", f"credentials come from {_FROM_PROFILE[source]} in {file}"), "profile")
    return None


def _silent(heeded: Mapping[str, ValueClass], asking: Asking) -> str:
    if asking.is_disabled_by(heeded.get(DISABLED)):
        return f"{DISABLED} is set"
    if heeded.get(ENDPOINT) == "elsewhere":
        return f"{ENDPOINT} names another address, and that one is asked"
    return ""


def _ignored(told: SdkSettings, heeded: Mapping[str, ValueClass], asking: Asking) -> str:
    """What is said, and steers nothing: in brackets."""
    lines = [f"{each.name} is empty" for each in told.variables if each.value == "empty"]
    if heeded.get(DISABLED) in ("false", "other"):
        lines.append(f"{DISABLED} is not true")
    unheeded = sorted(name for name in told.effective if name not in heeded and name != PROXY)
    if known := [name for name in unheeded if asking.is_known_of(name)]:
        lines.append(f"{asking.name} does not heed {', '.join(known)}")
    if others := [name for name in unheeded if not asking.is_known_of(name)]:
        lines.append(f"{asking.name} is not known to heed {', '.join(others)}")
    return f" ({'; '.join(lines)})" if lines else ""


def _same(state: NeedState, credentials: Credentials, reason: str) -> Need:
    part = Part(state, reason)
    return Need(state, credentials, reason, part, part)
