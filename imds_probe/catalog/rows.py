"""The shape of the catalog: one row a piece of software, with the figures it is judged by and where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Literal

from imds_probe.dataclass import dataclass

Confidence = Literal["documented", "changelog", "inferred"]
Grade = Literal["package", "source", "documented", "inferred"]  # how a figure is known, strongest first
LostToken = Literal["falls-back", "fails", "unknown"]
Effect = Literal["fails", "doubtful", "partial"]
Below = Literal["too-old", "unknown"]
Status = Literal["ok", "too-old", "needs-setting", "unknown"]
PlaceKind = Literal["file", "environment", "arguments"]
FileFormat = Literal[
    "yaml",
    "json",
    "toml",
    "ini",
    "env",
    "flags",
    "fluent-bit",
    "fluentd",
    "fstab",
    "hcl",
    "alloy",
    "otelcol",
    "prometheus",
    "any",
]

IN_YAML: frozenset[FileFormat] = frozenset(
    ("yaml", "fluent-bit", "fluentd", "otelcol", "prometheus", "any")
)  # or may be


@dataclass(frozen=True)
class RequiredSetting:
    """The setting to make: `place` is a file, or says whose environment or arguments."""

    place: str
    key: str
    value: str


@dataclass(frozen=True)
class Requirement:
    """What is said about one installed version. `minimum` is in the order that it was judged by.

    `figure` is the weakest of the figures that decided, None where none did or where it is that no version will do;
    `grade` says how it is known. `by` says what decided: the version, held against the catalog, the software's own code, or
    an entry of its own changelog.
    """

    minimum: str | None
    status: Status
    why: str
    source: str | None
    setting: RequiredSetting | None = None
    figure: str | None = None
    grade: Grade | None = None
    by: Literal["version", "code", "changelog"] = "version"


@dataclass(frozen=True)
class SettingPlace:
    """Where a setting may stand: in a file, or in the environment or the arguments of the row's programs.

    `path` of a file is absolute, or begins with "~/" for the same file in each home directory. `path_options` are
    options of the program that name another file; or with a hyphen nowhere, a command whose arguments do; or with a dollar
    sign, a variable that does. Keys of nested formats are dotted: in these, "*" stands for any key, "**" for any number of
    them, "?" at the end for that what is before it stands there, and "!key" at the end for that it lacks that key.
    """

    kind: PlaceKind
    key: str
    path: str | None = None
    format: FileFormat | None = None
    path_options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.path or f"the {self.kind}"


@dataclass(frozen=True)
class Switch:
    """A setting that can be looked up: the first of `places` that sets it decides. One of `values`, in any case, turns
    it on; the first is the one to recommend. The value "set" stands for any that is neither empty nor false, "empty" for none.
    """

    values: tuple[str, ...]
    places: tuple[SettingPlace, ...]


@dataclass(frozen=True)
class Setting:
    """What has to be set before IMDSv2 is used, in versions from `since` on (None: from the first) and below
    `minimum_by_default` (None: in every version).
    """

    text: str
    minimum_by_default: str | None
    source: str
    switch: Switch | None = None
    since: str | None = None
    grade: Grade | None = None


@dataclass(frozen=True)
class Prevention:
    """A setting that takes IMDSv2 away from versions that would speak it, `since` included and `before` not."""

    why: str
    switch: Switch
    cure: str  # the value to set instead
    since: str | None
    before: str | None
    source: str
    grade: Grade | None = None


@dataclass(frozen=True)
class NoV1Fallback:
    """The first version that never uses IMDSv1, or with `config` (setting name to value) can be told not to."""

    version: str
    config: Mapping[str, str]
    switch: Switch | None = None
    grade: Grade | None = None


@dataclass(frozen=True)
class Backport:
    """How a distribution's own packages are judged: by its full version string, in its package manager's order.

    `os_ids` and `version_id_major` narrow it down; empty and None match all. With `derivatives`, distributions that
    name one of `os_ids` in ID_LIKE count too. Without a `minimum` the upstream number decides, except that a version
    below it gets the status `below`.
    """

    manager: str
    os_ids: tuple[str, ...]
    derivatives: bool
    version_id_major: str | None
    minimum: str | None
    below: Below
    why: str
    source: str
    grade: Grade | None = None  # of `minimum`


@dataclass(frozen=True)
class Fault:
    """A range of upstream versions, `since` included and `before` not, in which something about IMDSv2 is broken.

    "fails": nothing works; "doubtful": how much works is not established; "partial": one code path, worth saying.
    """

    since: str | None
    before: str | None
    effect: Effect
    why: str
    grade: Grade | None = None


@dataclass(frozen=True)
class Heeded:
    """From which version on software heeds a variable, or a key of a profile; None: no version does. With `any_value` it takes
    whatever a switch is set to for true, with `false_is_false` all but false. `only_with` is another variable without which it
    does not, `not_with` one with which it does not.
    """

    since: str | None
    source: str
    grade: Grade | None = None
    any_value: bool = False
    only_with: str | None = None
    not_with: str | None = None
    false_is_false: bool = False


@dataclass(frozen=True)
class Asked:
    """What software asks the metadata service for, beside credentials: in words, as "the region". `when` says whether it does so
    by itself, or only where a program asks it to. One of the variables in `unless` spares it asking. `calls` are the names in a
    program's own code by which it asks for that. `switch` is the setting of its own that has it ask where it asks on request, and
    that spares it asking where it always asks.
    """

    what: str
    when: Literal["always", "on-request"]
    source: str
    unless: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    switch: Switch | None = None


def asked_switch(index: int) -> str:
    """The name under which the setting of what is asked for is reported."""
    return f"{ASKED}[{index}]"


ASKED = "asks_for"


@dataclass(frozen=True)
class Row:
    """One piece of software.

    packages: package names by the id of the ecosystem that they are from, a package manager or a language's.
    since, before: upstream versions that the row is about, where one package name holds two major versions.
    minimum: first upstream version that can speak IMDSv2; None where none could be sourced: judges nothing as ok.
    asks_since: first upstream version that asks for metadata at all; None where all do, or it is not known.
    never: no version speaks IMDSv2, and a source says so.
    grade: how `minimum`, `never` and `asks_since` are known. Every other figure has its own, beside it.
    only_if: what has to be so on a host for the row to matter there, which an installed package alone does not say.
    only_if_switch: a setting that shows that it is so. Where it is not seen to be on, nothing follows.
    on_lost_token: what the software does when the token response never arrives; waits: for how long before that.
    programs: ends of the paths of its executables or scripts, for the processes whose settings count.
    files: ends of the paths of those of its packages' files that ask for metadata: they alone count where its code is read as an
    installed package's. Empty where all count.
    prevented_by: settings that take IMDSv2 away again. observed: settings worth reporting that decide nothing.
    through: ids of other rows that make its calls: where one of those is found with it, for a program in its own process, that one
    is judged in its place.
    heeds: by variable, from which version on it is heeded. Of one that is not named, it is not known whether it is, but for keys,
    regions, and what chooses files and profiles: they are as old as the SDKs. Where none is named, it is not known to be an SDK at
    all, and credentials of its own spare it nothing.
    asks_for: what it asks for beside credentials.
    """

    id: str
    name: str
    packages: Mapping[str, tuple[str, ...]]
    since: str | None
    before: str | None
    minimum: str | None
    setting: Setting | None
    no_v1_fallback: NoV1Fallback | None
    on_lost_token: LostToken
    backports: tuple[Backport, ...]
    known_bad: tuple[Fault, ...]
    notes: tuple[str, ...]
    fix: str
    sources: tuple[str, ...]
    confidence: Confidence
    never: bool = False
    only_if: str | None = None
    waits: str | None = None
    programs: tuple[str, ...] = ()
    prevented_by: tuple[Prevention, ...] = ()
    observed: tuple[Switch, ...] = ()
    through: tuple[str, ...] = ()
    grade: Grade | None = None
    asks_since: str | None = None
    only_if_switch: Switch | None = None
    heeds: Mapping[str, Heeded] = field(default_factory=dict)
    asks_for: tuple[Asked, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def grade_or_guess(self) -> Grade:
        """A catalog file of a user's own may have no grades: then what it has to say of the whole row."""
        return self.grade or ("inferred" if self.confidence == "inferred" else "documented")

    def switches(self) -> Iterator[tuple[str, Switch]]:
        """Every setting of this row that can be looked up, by the name under which it is reported."""
        if self.only_if_switch:
            yield "only_if", self.only_if_switch
        if self.setting and self.setting.switch:
            yield "setting", self.setting.switch
        for index, prevention in enumerate(self.prevented_by):
            yield f"prevented_by[{index}]", prevention.switch
        if self.no_v1_fallback and self.no_v1_fallback.switch:
            yield "no_v1_fallback", self.no_v1_fallback.switch
        for index, switch in enumerate(self.observed):
            yield f"observed[{index}]", switch
        for index, asked in enumerate(self.asks_for):
            if asked.switch:
                yield asked_switch(index), asked.switch
