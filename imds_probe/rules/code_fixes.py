"""What to do about code that asks without a token: lines to paste where it is a script, an upgrade where it is a package, and
otherwise whom to ask.

The lines keep the token out of the arguments of processes, which every user of the host can list, and out of what `sh -x`
logs. They pass no proxy, and ask for nothing where they receive no token.
"""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.ecosystems.ecosystem import Outdated
from imds_probe.ecosystems.listed import ecosystem_of
from imds_probe.facts.code import AS_IMAGE, OF_IMAGE, CodeSeen
from imds_probe.facts.facts import Facts
from imds_probe.facts.host import Host
from imds_probe.findings import Fix
from imds_probe.rules.phrases import image_rebuilt, rebuilt, upgraded

ADDRESS = "http://169.254.169.254"
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"
_CURL = "curl -sf -m 5 --noproxy '*'"
_WGET = "wget -q -O - -T 5 -t 1 --no-proxy"

# curl reads the header from its standard input (-K -): releases before 7.55 cannot read headers alone (-H @-). wget takes headers
# from its arguments or from a file of settings, which has to be a regular one; nobody else can read mktemp's.
WITH_SHELL = (
    "imds() ( set +x",
    f"  token=$({_CURL} -X PUT -H '{TTL}: 60' {ADDRESS}/latest/api/token) &&",
    f'  echo "header = \\"{TOKEN}: $token\\"" | {_CURL} -K - "{ADDRESS}/$1" )',
    "command -v curl >/dev/null || imds() ( file=$(mktemp) && trap 'rm -f \"$file\"' EXIT &&",
    f"  printf 'header = {TOKEN}: ' >\"$file\" &&",
    f"  {_WGET} --method=PUT --header='{TTL}: 60' {ADDRESS}/latest/api/token >>\"$file\" &&",
    f'  {_WGET} --config="$file" "{ADDRESS}/$1" )',
    "imds latest/meta-data/instance-id",
)
# For both versions of the language: Python 2 has no urllib.request, and its requests take no method.
WITH_PYTHON = (
    "try:",
    "    import urllib.request as http",
    "except ImportError:",
    "    import urllib2 as http",
    f'def imds(path, base="{ADDRESS}/"):',
    "    opener = http.build_opener(http.ProxyHandler({}))",
    f'    put = http.Request(base + "latest/api/token", headers={{"{TTL}": "60"}})',
    '    put.get_method = lambda: "PUT"',
    "    token = opener.open(put, timeout=5).read().decode()",
    f'    get = http.Request(base + path, headers={{"{TOKEN}": token}})',
    "    return opener.open(get, timeout=5).read().decode()",
    'print(imds("latest/meta-data/instance-id"))',
)
_LINES = {"shell": WITH_SHELL, "python": WITH_PYTHON}
# Where there is a source to change, but no lines are at hand.
_SOURCES = ("node", "ruby", "perl", "php", "java", "go", "rust", "c", "script")
# Of what belongs to no package in an image, where the image is somebody else's.
_OF_OTHERS = " If the image is a vendor's, ask the vendor for a version that asks for a token."
# Where a command has a line of its own, and no room for more.
_BEGINS, _ENDS = (
    ("/etc/crontab", "/etc/cron.d/", "/etc/anacrontab", "/var/spool/cron/"),
    (".service", ".timer", ".cron", ".json", ".hcl", ".toml"),
)


def fix_for(code: CodeSeen, facts: Facts, catalog: Catalog) -> Fix:
    """What to do about it, by what it is."""
    restart = ", and restart what runs it" if code.runs == "running" else ""
    if not code.on_host and code.container_ids:
        restart = " in the image, and recreate its containers"
        if code.in_arguments:
            restart = " (in the image, pod or compose file), and recreate the containers"
    if code.inside is not None:
        of_image = code.inside.startswith(OF_IMAGE)
        restart = (
            " in the image, and deploy the new image to this host" if of_image else f" in the chroot {code.inside}"
        )
    image = code.package.removesuffix(AS_IMAGE) if code.package and code.package.endswith(AS_IMAGE) else ""
    if code.package is not None and not image:
        return _upgrade(code, code.package, restart, facts, catalog)
    name = f"the command that {code.path} is given" if code.in_arguments else code.path
    if lines := _LINES.get(code.form):
        has_one_line = code.path.startswith(_BEGINS) or code.path.endswith(_ENDS)
        into = f"a script that {code.path} starts," if has_one_line else name
        text = (
            f"Put these lines into {into} in place of its own requests{restart}. They ask for a token first. The last line is an "
            f"example of a request.{_OF_OTHERS if image else ''}"
        )
        return Fix(text, lines)
    if code.form in _SOURCES:
        return Fix(
            f"Change {name} so that it asks for a token first (PUT {ADDRESS}/latest/api/token with the header {TTL}: 60) and "
            f"sends the answer as the header {TOKEN} with each request{restart}.{_OF_OTHERS if image else ''}"
        )
    if image:
        deployed = "deploy it to this host" if code.inside is not None else "recreate its containers"
        return Fix(
            f"Build a version of the image {image} in which {code.path} asks for a token, and {deployed}.{_OF_OTHERS}"
        )
    owner = (
        f"user {code.owner_uid}, who can write {code.path},"
        if code.owner_uid is not None
        else f"the owner of {code.path}"
    )
    return Fix(f"Ask {owner} or its vendor for a version that asks for a token{restart}.")


def _upgrade(code: CodeSeen, package: str, restart: str, facts: Facts, catalog: Catalog) -> Fix:
    """`package` is "restic 0.11.0-1 (dpkg)"."""
    name, _, rest = package.partition(" ")
    row = catalog.row(code.component) if code.component is not None else None
    minimum = row.minimum if row is not None else None
    otherwise = "" if minimum else " If its newest version asks for no token either, ask its vendor for one that does."
    if code.inside is not None and not code.inside.startswith(OF_IMAGE):
        return Fix(f"{upgraded(name, minimum)}{restart}.{otherwise}")
    if not code.on_host:
        return Fix(image_rebuilt(name, minimum) + otherwise)
    os = facts[Host].os
    outdated = Outdated(name, minimum, code.path, os.id, os.version_id, tuple(os.id_like))
    commands = ecosystem_of(rest.rpartition("(")[2].removesuffix(")")).upgrade(outdated)
    text = upgraded(name, minimum) if commands else rebuilt("the application", name, minimum)
    return Fix(f"{text}{restart}.{otherwise}", commands)
