"""Programs that are told to ask for metadata elsewhere than at the service: by an HTTP proxy, or by an endpoint of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.settings_in_force import first_on
from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import Container, Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.facts.sdk_settings import ENDPOINT, PROXY, SdkSettings
from imds_probe.facts.software import Installed, SdkSoftware
from imds_probe.findings import Fix, Found, Kind, State
from imds_probe.rules.asking import ANY_SDK, Asking, asking, asking_in
from imds_probe.rules.metadata_need import metadata_need, need_of_processes, says_nothing
from imds_probe.rules.origins import of_containers, of_software
from imds_probe.rules.phrases import container_names, few
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.settled import nobody_by_v1, turned_off
from imds_probe.rules.settling import EXEMPT, OWNER, SILENT_WINDOW

METADATA_THROUGH_HTTP_PROXY = Kind(
    id="metadata-through-http-proxy",
    severity="warning",
    title="A program asks for metadata through an HTTP proxy",
    meaning="The environment of a program has HTTP_PROXY, and its NO_PROXY lacks 169.254.169.254. Some AWS SDKs (botocore, and "
    "those for Go) then send their metadata requests to the proxy. A proxy that adds X-Forwarded-For, as squid does, gets no token "
    "from the service: the SDK falls back to IMDSv1, and the switch breaks it. imds-probe sends nothing to the proxy, so its own "
    "tests do not show that. A program of Go that has an SDK in it and is told nothing of AWS may never ask. For such a program "
    "alone, the verdict does not become unknown.",
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
    """What asks, and what its processes are told. `who` is said of it, `subject` names it in findings. `processes` says what to
    look for, and `pids` has all of them. `linked`: the SDK is part of a program, which may never call it.
    """

    subject: str
    who: str
    asking: Asking
    told: tuple[SdkSettings, ...]
    heeds_proxies: bool
    takes_networks: bool
    origins: tuple[str, ...]
    processes: str
    pids: frozenset[int] = frozenset()
    linked: bool = False


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    imds = facts.get(Imds)
    if imds is None:
        return NothingToJudge("the metadata service was not asked")
    if switched_already(imds) or turned_off(facts) or nobody_by_v1(facts):
        return []
    programs = [*_sdks(facts, catalog), *_unrecognised(facts, catalog)]
    proxied = [program for program in programs if any(_is_proxied(told, program) for told in program.told)]
    sent = [program for program in programs if any(_is_sent_elsewhere(told, program) for told in program.told)]
    return [
        *(_through_proxy(group) for group in _by_cause(proxied)),
        *(_untested(group) for group in _by_cause(sent)),
    ]


def _may_ask(program: _Program) -> bool:
    """Whether it has to be reckoned with that it asks: not of a program that an SDK is only part of, and that is told nothing of
    AWS.
    """
    proxied = [told for told in program.told if _is_proxied(told, program)]
    return not (program.linked and all(says_nothing(told, program.asking) for told in proxied))


def _by_cause(programs: Iterable[_Program]) -> list[list[_Program]]:
    """Those together that share a subject, or whose processes are the same: one environment is to be changed."""
    groups: list[list[_Program]] = []
    for program in programs:
        for group in groups:
            same = any(program.pids and program.pids <= each.pids for each in group)
            if same or group[0].subject == program.subject:
                group.append(program)
                break
        else:
            groups.append([program])
    return groups


def _sdks(facts: Facts, catalog: Catalog) -> Iterator[_Program]:
    for entry in facts[Installed].software:
        row = catalog.row(entry.component)
        if not isinstance(entry, SdkSoftware) or not entry.running or row is None or row.through:
            continue
        if _is_of_unused(entry, facts, catalog):
            continue
        asks = asking(entry, row)
        inside = container_names([entry], facts[Containers])
        where = f" in {few(inside)}" if inside else ""
        networks = HEED_PROXIES.get(entry.component)
        users = [f"{each.comm} ({each.unit or f'process {each.pid}'})" for each in entry.sdk.users]
        yield _Program(
            entry.component,
            f"{asks.name}{where}",
            asks,
            entry.sdk.told,
            networks is not None,
            bool(networks),
            of_software([entry], facts),
            few(list(dict.fromkeys(users))) + where if users else f"{asks.name}{where}",
            frozenset(entry.pids),
            entry.manager == "go",
        )


def _is_of_unused(entry: SdkSoftware, facts: Facts, catalog: Catalog) -> bool:
    """Whether all programs that use it are of packages that ask only if something is so which is not seen to be: as nothing
    follows from such a package, nothing follows from the SDK in it.
    """
    ends: list[str] = []
    pids: set[int] = set()
    for each in facts[Installed].software:
        row = catalog.row(each.component)
        if row is None or row.only_if is None or not each.is_beside(entry):
            continue
        if row.only_if_switch is not None and first_on("only_if", row.only_if_switch, each.settings):
            continue
        ends += [f"/{end}" for end in row.programs]
        pids |= {*each.pids}
    if entry.pids and pids.issuperset(entry.pids):
        return True
    paths = entry.sdk.paths
    return len(paths) == entry.sdk.places and all(path.endswith(tuple(ends)) for path in paths)


def _unrecognised(facts: Facts, catalog: Catalog) -> Iterator[_Program]:
    """Containers that seem to need metadata, where no SDK was recognised: it may be any."""
    for each in facts[Containers].seen:
        if each.told and not any(one.is_sdk for one in asking_in(each, facts, catalog)):
            heeds = _needs_metadata(each, facts, catalog)
            who = f"an AWS SDK in {each.title}"
            yield _Program(each.title, who, ANY_SDK, each.told, heeds, False, of_containers([each]), each.title)


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


def _through_proxy(programs: Sequence[_Program]) -> Found:
    who, processes = _who(programs), _processes(programs)
    implies: State | None = "unknown" if any(_may_ask(each) for each in programs) else None
    unshown = "" if implies else "Nothing shows that metadata is needed. If it is: "
    add = "add" if unshown else "Add"
    return METADATA_THROUGH_HTTP_PROXY.found(
        programs[0].subject,
        f"{few(who)} {'is' if len(who) == 1 else 'are'} told to ask for metadata through an HTTP proxy, which may get no token",
        evidence=tuple(
            f"{each}: HTTP_PROXY is set in its environment, and NO_PROXY does not have 169.254.169.254"
            for each in processes
        ),
        fix=Fix(
            f"{unshown}{add} 169.254.169.254 to NO_PROXY in the environment of {few(processes)}, and restart "
            f"{'it' if len(processes) == 1 else 'them'}."
        ),
        implies=implies,
        forgeable_by=_origins(programs) if implies else (),
    )


def _untested(programs: Sequence[_Program]) -> Found:
    who = _who(programs)
    return NAMED_ENDPOINT_UNTESTED.found(
        programs[0].subject,
        f"{few(who)} {'asks' if len(who) == 1 else 'ask'} another server for metadata, and it is not known how that server asks "
        "EC2",
        evidence=tuple(f"{each}: {ENDPOINT} names another address in its environment" for each in _processes(programs)),
        fix=Fix(
            "Find the server that the variable names. If it runs on this instance, make sure that it speaks IMDSv2. If it is a "
            "test server, or runs elsewhere, accept the finding."
        ),
        forgeable_by=_origins(programs),
    )


def _who(programs: Sequence[_Program]) -> list[str]:
    return list(dict.fromkeys(each.who for each in programs))


def _processes(programs: Sequence[_Program]) -> list[str]:
    """The programs whose environment has to change, each once."""
    return list(dict.fromkeys(each.processes for each in programs))


def _origins(programs: Sequence[_Program]) -> tuple[str, ...]:
    """The users and containers that may have made up any of it; none where one of them cannot be made up."""
    if not all(each.origins for each in programs):
        return ()
    return tuple(dict.fromkeys(origin for each in programs for origin in each.origins))


RULE = Rule("elsewhere", _find, kinds=(METADATA_THROUGH_HTTP_PROXY, NAMED_ENDPOINT_UNTESTED))
