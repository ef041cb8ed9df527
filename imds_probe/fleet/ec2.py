"""EC2 and Auto Scaling asked with the operator's own credentials: the instances that there are, and what launches the next ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imds_probe.aws.account import InRegion, in_text
from imds_probe.aws.calls import DENIED, CallError
from imds_probe.aws.clients import Aws
from imds_probe.config import AwsConfig
from imds_probe.dataclass import dataclass
from imds_probe.documents import document
from imds_probe.errors import UsageError
from imds_probe.fleet.instances import Listed, Noting
from imds_probe.fleet.launching import Default, Launcher, Launching, NotAsked, launcher, launching, next_template

ALL = "all"
INSTANCES = "ec2:DescribeInstances"
_CREDENTIALS = "Sign in as for the AWS CLI, and name the profile if it is not the default one."


@dataclass(frozen=True)
class Asked:
    """What came of it."""

    instances: Listed
    launching: Launching


class _Asking:
    def __init__(self, profile: str | None, environ: Mapping[str, str], *, is_ec2: bool, tags: Sequence[str]) -> None:
        self._profile, self._environ, self._is_ec2 = profile, environ, is_ec2
        self._noting = Noting(tags)
        self._whole: set[tuple[str, str]] = set()
        self._launchers: list[Launcher] = []
        self._defaults: list[Default] = []
        self._not_answered: list[NotAsked] = []

    def all(self, said: Sequence[str]) -> Asked:
        home = self._aws(None)  # of which the account surely has the Region
        if home.region is None and said and said[0] != ALL:
            home = self._aws(said[0])
        if home.region is None:
            raise UsageError("no AWS Region is known", "Name one as --region, or set AWS_REGION.")
        first = InRegion(home)
        try:
            account = self._account(first)
            regions = self._regions(first, said, home.region)
        except CallError as error:
            raise UsageError(f"EC2 was not asked: {error.problem}", _CREDENTIALS) from None
        for region in regions:
            try:
                self._region(account, region)
            except CallError as error:
                self._not_answered.append(NotAsked(region, "", error.problem))
        if not self._whole:
            raise UsageError(
                f"EC2 named no instances: {self._first_trouble()}",
                f"See {document('packaging/iam/fleet-reader.json')}.",
            )
        found = self._noting.found
        found.asked = frozenset(self._whole)
        return Asked(found, launching(self._launchers, self._defaults, self._not_answered))

    def _aws(self, region: str | None) -> Aws:
        try:
            config = AwsConfig(region=region, profile=self._profile)
            return Aws(config, self._environ, is_ec2=self._is_ec2, region=None)
        except CallError as error:
            raise UsageError(f"EC2 was not asked: {error.problem}", error.remedy) from None

    def _account(self, home: InRegion) -> str:
        try:
            return home.account()
        except CallError as error:
            if error.code in DENIED:  # an organisation's policy may deny even this
                return ""
            raise

    def _regions(self, home: InRegion, said: Sequence[str], default: str) -> list[str]:
        """Those to be asked. Raises UsageError for one that does not exist."""
        known = home.regions()
        self._not_answered += [NotAsked(default, each.action, each.reason) for each in home.not_answered]
        if ALL in said:
            if known is None:
                raise UsageError("EC2 does not say which Regions there are", "Name them one by one as --region.")
            return sorted(region for region, is_enabled in known.items() if is_enabled)
        wanted = list(dict.fromkeys(said)) or [default]
        if known is None:
            return wanted
        for region in wanted:
            if region not in known:
                raise UsageError(f"there is no Region {region}", f"There are {', '.join(sorted(known))}.")
        self._not_answered += [
            NotAsked(region, "", "the account has not enabled this Region") for region in wanted if not known[region]
        ]
        return [region for region in wanted if known[region]]

    def _region(self, account: str, region: str) -> None:
        asking = InRegion(self._aws(region))
        try:
            for reservation in asking.reservations():
                try:
                    self._noting.add(in_text(reservation), region)
                except ValueError as error:
                    asking.missing(INSTANCES, str(error))
            if not any(each.action == INSTANCES for each in asking.not_answered):
                self._whole.add((account, region))
            defaults = asking.defaults()
            if defaults is not None:
                self._defaults.append(
                    Default(
                        account,
                        region,
                        defaults.options.http_tokens,
                        defaults.http_tokens_enforced,
                        defaults.managed_by,
                    )
                )
            for group in asking.groups() or ():
                self._launchers.append(launcher(account, region, group, defaults))
                template = next_template(group)
                for instance_id in group.instance_ids:
                    if (instance := self._noting.found.get(instance_id)) is not None:
                        instance.next_template = template
        finally:
            self._not_answered += [NotAsked(region, each.action, each.reason) for each in asking.not_answered]

    def _first_trouble(self) -> str:
        first = next(iter(self._not_answered), None)
        if first is None:
            return "no Region was asked"
        return f"{first.action or 'nothing'} in {first.region}: {first.reason}"


def asked(
    regions: Sequence[str],
    profile: str | None,
    environ: Mapping[str, str],
    *,
    is_ec2: bool,
    tags: Sequence[str] = (),
) -> Asked:
    """Of these Regions, of "all" that the account has, or of the one that the AWS configuration names. Raises UsageError where
    nobody answers for any.
    """
    return _Asking(profile, environ, is_ec2=is_ec2, tags=tags).all(regions)
