"""What is kept of a message of another program: the words that such messages are made of, and paths. It may quote a line of a
configuration file, a URL with a password in it or an argument.
"""

from __future__ import annotations

import errno
import os

from imds_probe.kept.shapes import OMITTED, is_number, is_path, together

LOOKED_AT_MAX, KEPT_MAX = 1000, 300
AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_AROUND = "\"'`()[]{}<>,;:.!?"
# What rpm, dpkg, apt, dnf, snap, nft, iptables, iproute2, sqlite, the C library and the readers of YAML, TOML, JSON and INI say
# about what went wrong.
_WORDS = frozenset(
    """
    = % \\t - -30969 -30973 -30974 -> a about access admin after alias all allowed alphabetic already an anchor and
    another answer answers any appears apt architecture archive are argument arguments array as at attempt available bad
    base64 bdb0060 bdb0087 bdb0113 bdb1507 bdb1538 be because been before behind block boolean broken busy but by bytes
    cache call called can can't cannot chain changed char character characters check child chomping closed code
    collection column command comment comments compiled compiled-in compiled-out config configuration configured connect
    connection constructing constructor contains content continues control corrupt corrupted could couldn't create
    created daemon damaged data database databases date datetime db db5 declaration declare delimiter dependency depth
    detected determine device did digit directive directory disabled disk dnf document does doesn't don't double dpkg
    dpkg-query dummy duplicate e empty enclosed end entries entry environment err error errors escape exceeded exist
    existing exists exited expected expecting extra fail failed failure fatal feature fetch field file files filesystem
    find first flow flush followed for format found from full get got had has have header headers here hex hexadecimal
    i/o if ignored illegal image imports in incompatible incomplete indentation index indicator indicators information
    ini initial initialize inline input install installed instance internal interrupted invalid ip iptables is it item
    items json kernel key key/value keys kind last left length libdb library limit line link list lists load lock locked
    long malformed many mapping mappings markup match maximum memory merging message metadata missing mode module
    modules more must name names namespace near need needed needs netlink network newline next nft no node non-empty not
    nothing number numbers numeric occurrence of on one only open opening operation option or other output overwrite
    package packages pair pairs panic parse parsing part path perhaps permission permitted please position problem
    process process_vm_readv program property protocol query quoted quotes ran read reading readonly record recovery
    recursion recursive reference refused repo repositories repository requested required resource root row rpm rpmdb
    rtnetlink rule rules ruleset run running scalar scanning schema second section see separator sequence server set
    short should signal simple single size snap snapd socket some something source space special specified sqlite start
    started starting state statement status stopped stream string strings such support supported synchronization syntax
    system tab table tables tag terminated than that the there this thread thread/process time timed to token toml too
    transaction tree truncated try twice type unable unavailable unclosed undefined unescaped unexpected unhashable
    unicode unknown unlock unrecognized unsupported unterminated up update upgrade uri use used user using utf-8 valid
    value values verify version w wait waiting warning was were which while with without word write writing wrong yaml
    yet you your
    """.split()  # noqa: SIM905 - as literals they would take pages
)
_OF_THE_SYSTEM = frozenset(
    word.strip(_AROUND).lower() for number in errno.errorcode for word in os.strerror(number).split()
)


def kept_message(text: str) -> str:
    """One line. Each word that such messages do not have by themselves is omitted."""
    return together((_kept(word) for word in text[:LOOKED_AT_MAX].split()), KEPT_MAX)


def without_urls(text: str) -> str:
    """A message about a request of our own: of URLs but AWS's own hosts, no more than the scheme. A proxy's has its password."""
    return together((_url(word) if "://" in word else word for word in text[:LOOKED_AT_MAX].split()), KEPT_MAX)


def _kept(word: str) -> str:
    bare = word.strip(_AROUND)
    if not bare or bare.lower() in _WORDS or bare.lower() in _OF_THE_SYSTEM:
        return word if len(word) < len(bare) + 4 and word.isascii() else OMITTED
    if (bare.startswith("/") and is_path(bare)) or is_number(bare):
        return word if len(word) < len(bare) + 4 and word.isascii() else OMITTED
    return OMITTED


def _url(word: str) -> str:
    begin, _, rest = word.partition("://")
    host = rest.partition("/")[0].strip(_AROUND)
    scheme = begin.strip(_AROUND)
    scheme = scheme if scheme in ("http", "https") else OMITTED
    return f"{scheme}://{host if host.endswith(AWS_HOSTS) and '@' not in host else OMITTED}"
