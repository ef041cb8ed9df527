"""Programs that are told to ask for metadata elsewhere than at the service: by an HTTP proxy, or by an endpoint of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from imds_probe.catalog.catalog import Catalog
from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import Container, Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.facts.sdk_settings import ENDPOINT, PROXY, SdkSettings
from imds_probe.facts.software import Installed, SdkSoftware
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.asking import ANY_SDK, Asking, asking, asking_in
from imds_probe.rules.metadata_need import metadata_need, need_of_processes
from imds_probe.rules.origins import of_containers, of_software
from imds_probe.rules.phrases import container_names, few
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.settled import nobody_by_v1, turned_off
from imds_probe.rules.settling import EXEMPT, OWNER, SILENT_WINDOW

METADATA_THROUGH_HTTP_PROXY = Kind(
    id="metadata-through-http-proxy",
    severity="warning",
    implies="unknown",
    title="A program asks for metadata through an HTTP proxy",
    meaning="The environment of a program has HTTP_PROXY, and its NO_PROXY lacks 169.254.169.254. Some AWS SDKs (botocore, and "
    "those for Go) then send their metadata requests to the proxy. A proxy that adds X-Forwarded-For, as squid does, gets no token "
    "from the service: the SDK falls back to IMDSv1, and the switch breaks it. imds-probe sends nothing to the proxy, so its own "
    "tests do not show that.",
    cure="Add 169.254.169.254 to NO_PROXY in the environment of the program, and restart it. botocore takes no networks such as "
    "169.254.0.0/16 there. Where both names are set, Python reads no_proxy and Go reads NO_PROXY. "
    "If the proxy has to stay in between, keep the daemon running: a whole window without a call by IMDSv1 "
    "shows that the proxy passes tokens.",
    sources=(
        "AWS CLI User Guide: Using an HTTP proxy, on instances",
        "botocore: utils.py, get_environ_proxies",
        "net/http of Go: ProxyFromEnvironment",
    ),
    settled_by=(EXEMPT, SILENT_WINDOW, OWNER),
)
NAMED_ENDPOINT_UNTESTED = Kind(
    id="named-endpoint-untested",
    severity="warning",
    implies="unknown",
    title="A program asks another server for metadata",
    meaning="The environment of a program names a server other than EC2's in AWS_EC2_METADATA_SERVICE_ENDPOINT. If that server "
    "runs on this instance and takes its metadata from EC2 by IMDSv1, the switch breaks it and the program. imds-probe does not "
    "test a server that only a program names.",
    cure="If the server is a test server, or runs on another machine, nothing has to be done: accept the finding. Otherwise make "
    "sure that the server speaks IMDSv2, and keep the daemon running: a whole window without a call by IMDSv1 shows it.",
    sources=("AWS SDKs and Tools Reference Guide: IMDS credential provider",),
    settled_by=("the programs without the variable", SILENT_WINDOW, OWNER),
)
# By component of the catalog, whether it reads NO_PROXY as Go does: networks, too, and the name in capitals first.
# Other SDKs go past proxies of the environment.
HEED_PROXIES = {"botocore": False, "aws-sdk-go-v1": True, "aws-sdk-go-v2-imds": True}


@dataclass(frozen=True)
class _Program:
    """What asks, and what its processes are told. `where` is said of it, `subject` names it in findings."""

    subject: str
    who: str
    asking: Asking
    told: tuple[SdkSettings, ...]
    heeds_proxies: bool
    takes_networks: bool
    origins: tuple[str, ...]


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    imds = facts.get(Imds)
    if imds is None:
        return NothingToJudge("the metadata service was not asked")
    if switched_already(imds) or turned_off(facts) or nobody_by_v1(facts):
        return []
    found: list[Found] = []
    for program in (*_sdks(facts, catalog), *_unrecognised(facts, catalog)):
        if any(_is_proxied(told, program) for told in program.told):
            found.append(_through_proxy(program))
        if any(_is_sent_elsewhere(told, program) for told in program.told):
            found.append(_untested(program))
    return found


def _sdks(facts: Facts, catalog: Catalog) -> Iterator[_Program]:
    for entry in facts[Installed].software:
        row = catalog.row(entry.component)
        if not isinstance(entry, SdkSoftware) or not entry.running or row is None or row.through:
            continue
        asks = asking(entry, row)
        inside = container_names([entry], facts[Containers])
        where = f" in {few(inside)}" if inside else ""
        networks = HEED_PROXIES.get(entry.component)
        yield _Program(
            entry.component,
            f"{asks.name}{where}",
            asks,
            entry.sdk.told,
            networks is not None,
            bool(networks),
            of_software([entry], facts),
        )


def _unrecognised(facts: Facts, catalog: Catalog) -> Iterator[_Program]:
    """Containers that seem to need metadata, where no SDK was recognised: it may be any."""
    for each in facts[Containers].seen:
        if each.told and not any(one.is_sdk for one in asking_in(each, facts, catalog)):
            heeds = _needs_metadata(each, facts, catalog)
            yield _Program(
                each.title, f"an AWS SDK in {each.title}", ANY_SDK, each.told, heeds, False, of_containers([each])
            )


def _needs_metadata(container: Container, facts: Facts, catalog: Catalog) -> bool:
    return metadata_need(container, facts, catalog).state in ("observed", "likely")


def _is_proxied(told: SdkSettings, program: _Program) -> bool:
    """Whether a process sends its requests for the metadata address to a proxy, and needs metadata."""
    proxied = told.effective.get(PROXY)
    if program.asking is ANY_SDK and told.effective.keys() == {PROXY}:
        return False  # it steers whatever is no SDK, too, and says nothing of one by itself
    if not program.heeds_proxies or proxied is None or (proxied == "other" and program.takes_networks):
        return False
    return need_of_processes((told,), program.asking).state != "unlikely"


def _is_sent_elsewhere(told: SdkSettings, program: _Program) -> bool:
    """Whether a process asks the server that its environment names, and would need metadata without that."""
    names = told.effective
    if names.get(ENDPOINT) != "elsewhere" or not program.asking.heeds(ENDPOINT, names):
        return False
    without = replace(told, variables=tuple(each for each in told.variables if each.name != ENDPOINT))
    return need_of_processes((without,), program.asking).state != "unlikely"


def _through_proxy(program: _Program) -> Found:
    return METADATA_THROUGH_HTTP_PROXY.found(
        program.subject,
        f"{program.who} is told to ask for metadata through an HTTP proxy, which may get no token",
        evidence=("HTTP_PROXY is set in its environment, and NO_PROXY does not have 169.254.169.254",),
        fix=Fix("Add 169.254.169.254 to NO_PROXY in the environment of the program, and restart it."),
        forgeable_by=program.origins,
    )


def _untested(program: _Program) -> Found:
    return NAMED_ENDPOINT_UNTESTED.found(
        program.subject,
        f"{program.who} asks another server for metadata, and it is not known how that server asks EC2",
        evidence=(f"{ENDPOINT} names another address in its environment",),
        fix=Fix(
            "Find the server that the variable names. If it runs on this instance, make sure that it speaks IMDSv2. If it is a "
            "test server, or runs elsewhere, accept the finding."
        ),
        forgeable_by=program.origins,
    )


RULE = Rule("elsewhere", _find, kinds=(METADATA_THROUGH_HTTP_PROXY, NAMED_ENDPOINT_UNTESTED))
