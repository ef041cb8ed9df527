"""What asks for metadata in a place: software of the catalog, with what it heeds and what it asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Asked, Heeded, Row
from imds_probe.catalog.upstream import compare_upstream
from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import Container
from imds_probe.facts.facts import Facts
from imds_probe.facts.sdk_settings import (
    DEFAULT_PROFILE,
    DISABLED,
    PROFILE,
    V1_DISABLED,
    Profile,
    SdkSettings,
    ValueClass,
)
from imds_probe.facts.software import Installed, SdkSoftware, SettingSeen, Software
from imds_probe.rules.called import Call, calls

CREDENTIALS_FILE, CONFIG_FILE = "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"
# As old as the SDKs: an SDK that does not heed one of them has a row that says so. All else came with some version of each.
# Software that is no SDK may ask for an instance id alone, whatever it is told of credentials: its row has to say what it heeds.
_OF_ALL = frozenset(
    {
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "aws_access_key_id"),
        *("AWS_REGION", "AWS_DEFAULT_REGION", PROFILE, DEFAULT_PROFILE),
        *("AWS_ROLE_ARN", "role_arn", CREDENTIALS_FILE, CONFIG_FILE, "AWS_SDK_LOAD_CONFIG"),
        # These take nothing away: they say that metadata is meant to be asked for.
        *(V1_DISABLED, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "AWS_METADATA_SERVICE_TIMEOUT"),
    }
)


@dataclass(frozen=True)
class Asking:
    """One piece of software, called `name`. `told` is what its own processes are told, empty where that is not known of them
    alone. `calls` are those that programs make of it. `settings` are what was seen of its own.
    """

    name: str
    row: Row | None = None
    manager: str = ""
    version: str | None = None
    is_sdk: bool = False
    told: tuple[SdkSettings, ...] = ()
    calls: tuple[Call, ...] = ()
    settings: tuple[SettingSeen, ...] = ()

    @property
    def asks_for(self) -> tuple[Asked, ...]:
        return self.row.asks_for if self.row else ()

    @property
    def heeds_sources(self) -> bool:
        """Whether what it asks for may depend on where credentials come from: not where its row says what it asks for, and of no
        source that it heeds it.
        """
        return self.row is None or bool(self.row.heeds or self.row.through or not self.row.asks_for)

    def is_disabled_by(self, value: ValueClass | None) -> bool:
        """Whether it asks for nothing where the variable that turns metadata off has such a value; None: it is not set."""
        heeded = self.row.heeds.get(DISABLED) if self.row else None
        return value == "true" or (heeded is not None and value is not None and _is_true(heeded, value))

    def reads_credentials(self, told: Collection[str]) -> bool:
        """Whether it reads the shared file of credentials at the place that the variables say."""
        return CREDENTIALS_FILE not in told or self.heeds(CREDENTIALS_FILE)

    def reads_config(self, told: Mapping[str, ValueClass]) -> bool:
        """Whether it reads the shared file of settings; some do so only where a variable tells them to."""
        heeded = self.row.heeds.get(CONFIG_FILE) if self.row else None
        if heeded is not None and heeded.only_with is not None:
            said = told.get(heeded.only_with)
            if said is None or (said == "false" and not _is_true(heeded, said)):
                return False
        return self.heeds(CONFIG_FILE)

    def profiles(self, told: SdkSettings) -> tuple[Profile, ...]:
        """The profile that it chooses; several where the catalog does not say which variable it reads."""
        if told.profile is None or told.unnamed is None:
            return (told.profile,) if told.profile is not None else ()
        names = told.effective
        first = PROFILE in names and self.heeds(PROFILE, names)
        second = DEFAULT_PROFILE in names and self.heeds(DEFAULT_PROFILE, names)
        by_second = told.by_default_variable or told.profile
        said = self.row is not None and {PROFILE, DEFAULT_PROFILE} & self.row.heeds.keys()
        if not said:
            return tuple(dict.fromkeys((told.profile, by_second, *(() if PROFILE in names else (told.unnamed,)))))
        return (told.profile if first else by_second if second else told.unnamed,)

    def heeds(self, variable: str, told: Collection[str] = ()) -> bool:
        """Whether it surely does what the variable, or a key of a profile, says, where `told` is set. A version that is not known
        may be an older one.
        """
        heeded = self.row.heeds.get(variable) if self.row else None
        if heeded is None:
            return self._does_as_sdks_do(variable)
        if heeded.since is None or self.version is None or heeded.not_with in told:
            return False
        if told and heeded.only_with is not None and heeded.only_with not in told:
            return False
        order = compare_upstream(self.manager, self.version, heeded.since).order
        return order is not None and order >= 0

    def _does_as_sdks_do(self, variable: str) -> bool:
        """Whether it heeds a variable of which its row says nothing. What has another make its calls heeds what that one does."""
        return self.row is None or (variable in _OF_ALL and bool(self.row.heeds or self.row.through))

    def is_known_of(self, variable: str) -> bool:
        """Whether the catalog says since when it does what the variable says, or that it does not: a figure that was inferred tells
        nothing of older versions.
        """
        heeded = self.row.heeds.get(variable) if self.row else None
        if heeded is None:
            return self._does_as_sdks_do(variable)
        return heeded.since is None or heeded.grade != "inferred"


def _is_true(heeded: Heeded, value: ValueClass) -> bool:
    """Whether a switch that is set to what may not be true counts as such."""
    return heeded.any_value and not (heeded.false_is_false and value == "false")


# What stands for an SDK that was not recognised: it does as the SDKs' reference says.
ANY_SDK = Asking("an AWS SDK")


def asking(
    software: Software, row: Row | None, told: tuple[SdkSettings, ...] = (), called: tuple[Call, ...] = ()
) -> Asking:
    """What is known of a piece of software; where its version is a range, of the oldest in it."""
    is_sdk = isinstance(software, SdkSoftware)
    version = (
        software.sdk.at_least if isinstance(software, SdkSoftware) and software.version is None else software.version
    )
    name = f"{row.name if row else software.package} {software.said_version}"
    return Asking(name, row, software.manager, version, is_sdk, told, called, software.settings)


def asking_in(container: Container, facts: Facts, catalog: Catalog) -> tuple[Asking, ...]:
    """What there is in a container: AWS SDKs in use, and all else that the catalog knows."""
    return tuple(_asking_in(container, facts, catalog))


def _asking_in(container: Container, facts: Facts, catalog: Catalog) -> Iterable[Asking]:
    for each in facts[Installed].software:
        if container.identity not in each.container_ids:
            continue
        row = catalog.row(each.component)
        if row is None or (row.through and not row.asks_for):
            continue
        if isinstance(each, SdkSoftware):
            if each.running:
                alone = each.container_ids == (container.identity,)
                called = calls(row, facts, (), (container.identity,))
                yield asking(each, row, each.sdk.sdk_settings if alone else (), called)
        else:
            yield asking(each, row)
