"""Whether source text answers as the metadata service does: such a text has the address and the paths too, and asks nothing.

A word is served where an address is bound, a path is routed, or either is compared with what came in; so is a constant that is
used for nothing else. In a text that is a server's, and that has nothing to make requests with, all others are served as well,
unless one of them is handed to a call: somebody else's function may ask.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.forms import context
from imds_probe.inventory.code.forms.lexing import Layout
from imds_probe.inventory.code.words import Found

USES_MAX = 100  # of one name
CALLS_MAX = 6  # around one place
CALLED_MAX = 80  # characters of what is called
AROUND_MAX = 200
_SERVER = re.compile(
    r"HTTPServer\b|HTTPRequestHandler\b|\bserve_forever\b|TCPServer\b|make_server\(|run_simple\(|run_app\(|\.listen\(|\blisten\("
    r"|\.accept\(|\baccept\(|\bFlask\(|\bFastAPI\(|\bbottle\b|\bweb\.Application\(|createServer\(|\bexpress\(|ListenAndServe"
    r"|http\.Serve\(|net\.Listen\(|HandleFunc\(|\bServerSocket\b|\bHttpServer\b|\bTcpListener\b|\bWEBrick\b|\bMojolicious\b"
    r"|HTTP::Daemon|stream_socket_server|socket_listen"
)
# A text that has none of these cannot match, which is found out thirty times as fast.
_SERVER_WORDS = (
    *("HTTPServer", "HTTPRequestHandler", "serve_forever", "TCPServer", "make_server(", "run_simple(", "run_app("),
    *("listen(", "accept(", "Flask(", "FastAPI(", "bottle", "web.Application(", "createServer(", "express("),
    *("ListenAndServe", "http.Serve(", "net.Listen(", "HandleFunc(", "ServerSocket", "HttpServer", "TcpListener"),
    *("WEBrick", "Mojolicious", "HTTP::Daemon", "stream_socket_server", "socket_listen"),
)
# Interfaces of which a library makes a client, with annotations that are those of servers.
_DECLARED_CLIENT = re.compile(r"\buplink\b|FeignClient|HttpExchange\b|RegisterRestClient|\bretrofit|\bRefit\b")
_BINDING = frozenset(
    (
        *("bind", "listen", "listentcp", "listenandserve", "listenandservetls", "make_server", "run_simple", "run_app"),
        *("start_server", "create_server", "createserver", "serversocket", "socket_bind", "stream_socket_server"),
        *("httpserver", "threadinghttpserver", "tcpserver", "threadingtcpserver", "wsgiserver", "httpserver.create"),
    )
)
_RUNNING = re.compile(r"\b(?:app|application|bottle|server|uvicorn|hypercorn|default_app\(\))\.(?:run|serve)$")
_BOUND_BEFORE = re.compile(r"(?:\bAddr:|:bind,|\bLocalAddr\s{0,5}=>|\b(?:run|serve)\(host\s{0,3}=)\s{0,20}$")
_ADDED = re.compile(
    r"\baddr(?:ess)?[\"', ]{1,6}(?:add|del|delete|replace)\b|\bifconfig\b|\bnetsh\b|DNAT|--to-dest|REDIRECT"
)
_ROUTING = frozenset(
    (
        *("route", "add_route", "addroute", "add_url_rule", "add_get", "add_put", "add_view", "handlefunc", "handle"),
        *("handlerfunc", "pathprefix", "createcontext", "mapget", "mapput", "re_path", "rule", "web.get", "web.put"),
        *("web.view", "web.route", "web.resource", "web::resource"),
    )
)
_VERB = re.compile(r"get|put|post|head|all|any|use")
_ROUTER = re.compile(
    r"\b(?:app|router|server|routes?|mux|fastify|blueprint|bp|Route)(?:\.|->|::)(?:[gG]et|[pP]ut|[pP]ost|[hH]ead|[aA]ll|[aA]ny|[uU]se)$"
    r"|\b[a-z]\.(?:GET|PUT|POST|HEAD|Any)$"
)
_HANDLED = re.compile(r"\s{0,20},\s{0,20}(?:async\b|function\b|func\b|sub\b|fn\b|\(|[A-Za-z_$])")
_HANDLER = re.compile(r"\s{0,20},\s{0,20}\w{0,60}(?:Handler|View|Resource|Controller)\b")
_WRITTEN_OUT = re.compile(r"(?:get|put|post|any|head)\s{0,3}\(?\s{0,3}")
_ROUTED_AFTER = re.compile(r"\s{0,5}\)?\s{0,5}(?:do\b|=>|\{|,\s{0,5}to:)|\s{0,5},\s{0,5}\(")
# Calls that hand on what they are given, and those that do nothing with it.
_WRAPPING = frozenset(
    (
        *("compile", "str", "bytes", "string", "set", "frozenset", "tuple", "list", "dict", "inetsocketaddress"),
        *("ip_address", "ipv4address", "inet_addr", "inet_aton", "parseip"),
    )
)
_DECLARING = frozenset(("const", "var", "let", "val", "type", "import"))
_SETTLING = _DECLARING | frozenset(
    (
        *(
            "add_argument",
            "add_option",
            "option",
            "flag.string",
            "flag.stringvar",
            "getenv",
            "environ.get",
            "env.fetch",
        ),
        *("print", "println", "printf", "console.log", "info", "debug", "warning", "error", "len"),
        *("if", "elif", "while", "switch", "for", "return", "in", "and", "or", "not"),
    )
)
_ASSIGNED = re.compile(r"([A-Za-z_]\w{0,80})\s{0,40}(?::\s{0,5}[\w.\[\]<>*|]{1,60}\s{0,5})?:?=(?![=>~])")
_KEY = re.compile(r"\s{0,40}(?::(?!:)|=>)")
_LOOKED_UP = re.compile(r"\[|\.(?:get|fetch|has|includes?|contains_?key|has_key)\b", re.IGNORECASE)
_CALLED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$:->@#")


@dataclass(frozen=True)
class _Place:
    """Where a word or a name stands: its statement's begin and end, and those of the string or the name itself."""

    since: int
    until: int
    begin: int
    end: int


@dataclass
class _Uses:
    """Where a name is used such that it matters; whether a word has a name at all, and whether the text uses it."""

    named: bool = False
    used: bool = False
    places: list[_Place] = field(default_factory=list)


def served(layout: Layout, live: Collection[Found], asks: re.Pattern[str]) -> frozenset[int]:
    """The places of the words that this text serves; `asks` matches what its language makes requests with."""
    return _Serving(layout, asks).of(live)


class _Serving:
    def __init__(self, layout: Layout, asks: re.Pattern[str]) -> None:
        self._layout, self._asks = layout, asks
        self._annotates = _DECLARED_CLIENT.search(layout.masked) is None

    def of(self, live: Collection[Found]) -> frozenset[int]:
        wanted = [each for each in live if each.kind in ("service", "path", "token")]
        found = {each.at for each in wanted if self._is_served(self._place(each.at), each)}
        rest = [each for each in wanted if each.at not in found]
        uses = {each.at: self._uses(each) for each in rest}
        found |= {each.at for each in rest if self._is_served_by_name(uses[each.at], each)}
        rest = [each for each in rest if each.at not in found]
        if rest and self._only_serves(rest, [uses[each.at] for each in rest]):
            found.update(each.at for each in rest)
        return frozenset(found)

    def _is_served_by_name(self, uses: _Uses, found: Found) -> bool:
        """An address that is compared, and nothing more, may be asked by another module."""
        if not uses.places or not all(self._is_served(use, found) for use in uses.places):
            return False
        return found.kind != "service" or any(self._is_bound(use, found) for use in uses.places)

    def _only_serves(self, rest: Iterable[Found], uses: Iterable[_Uses]) -> bool:
        masked = self._layout.masked
        if not any(word in masked for word in _SERVER_WORDS) or not _SERVER.search(masked):
            return False
        if self._asks.search(masked) or context.COMMAND.search(self._layout.code):
            return False
        if any(each.named and not each.used for each in uses):
            return False  # it is there for other modules
        places = (*(self._place(each.at) for each in rest), *(place for each in uses for place in each.places))
        return not any(map(self._is_handed_on, places))

    def _place(self, at: int, length: int = 0) -> _Place:
        """Of the string around a word, or of a name of this length."""
        begin, end, kind = self._layout.region(at)
        since, until = self._layout.statement(at)
        if kind != "string":
            begin, end = at, at + length
        return _Place(since, until, max(begin, since), min(end, until))

    def _is_served(self, place: _Place, found: Found) -> bool:
        """Whether a word is served where it stands, or where its name does."""
        layout = self._layout
        before = layout.code[max(place.since, place.begin - AROUND_MAX) : place.begin]
        after = layout.code[place.end : min(place.until, place.end + AROUND_MAX)]
        if context.is_compared(before, after):
            return True
        if found.kind == "service":
            return self._is_bound(place, found)
        return self._is_routed(place, before, after)

    def _is_bound(self, place: _Place, found: Found) -> bool:
        if context.has_version(found) or found.before.endswith(b"://"):
            return False
        before = self._layout.code[max(place.since, place.begin - AROUND_MAX) : place.begin]
        if _BOUND_BEFORE.search(before) or _ADDED.search(self._layout.code, place.since, place.until):
            return True
        calls = self._calls(place)
        return any(_last(call) in _BINDING or call.lower() in _BINDING or _RUNNING.search(call) for call in calls)

    def _is_routed(self, place: _Place, before: str, after: str) -> bool:
        if "://" in self._layout.text[place.begin : place.end]:
            return False
        if _HANDLER.match(after):
            return True
        calls = list(self._calls(place))
        if not calls or not before.rstrip().endswith("("):
            written = self._layout.masked[place.since : place.begin].strip()
            return _WRITTEN_OUT.fullmatch(written) is not None and _ROUTED_AFTER.match(after) is not None
        called, verb = calls[0], _last(calls[0])
        if called.startswith(("@", "#")):
            return self._annotates
        if verb in _ROUTING or called.lower() in _ROUTING:
            return True
        if called.lower() == verb:
            return _VERB.fullmatch(verb) is not None and _ROUTED_AFTER.match(after) is not None
        return _ROUTER.search(called) is not None and _HANDLED.match(after) is not None

    def _calls(self, place: _Place) -> Iterator[str]:
        """What is called with a place in its brackets, from within."""
        masked, depth, given = self._layout.masked, 0, 0
        for at in range(place.begin - 1, place.since - 1, -1):
            sign = masked[at]
            if sign in ")]}":
                depth += 1
            elif sign in "([{" and depth:
                depth -= 1
            elif sign == "(" and given < CALLS_MAX:
                given += 1
                if called := self._called(at, place.since):
                    yield called

    def _called(self, at: int, since: int) -> str:
        """The name before a bracket; of what is called on what came of a call, with that."""
        masked, begin = self._layout.masked, len(self._layout.masked[since:at].rstrip()) + since
        end, least = begin, max(since, begin - CALLED_MAX)
        while begin > least:
            if masked[begin - 1] in _CALLED:
                begin -= 1
            elif masked[begin - 2 : begin] == "()":
                begin -= 2
            elif masked[begin - 2 : begin] == "#[":
                return masked[begin - 2 : end]
            else:
                break
        return masked[begin:end].strip("-:>")

    def _is_handed_on(self, place: _Place) -> bool:
        """Whether a call may do with it whatever it likes."""
        for called in self._calls(place):
            if _last(called) in _SETTLING or called.lower() in _SETTLING:
                return False
            if _last(called) not in _WRAPPING:
                return True
        return False

    def _uses(self, found: Found) -> _Uses:
        """Of the name that a word was given to, but for that."""
        place = self._place(found.at)
        code, at = self._layout.code, -1
        names = list(_ASSIGNED.finditer(self._layout.masked, place.since, place.begin))
        if not names or any(_last(call) not in _WRAPPING | _SETTLING for call in self._calls(place)):
            return _Uses()
        name = names[-1][1]
        within = self._calls(_Place(place.since, place.until, names[-1].start(), names[-1].end()))
        if any(_last(call) not in _DECLARING for call in within):
            return _Uses()  # it is an argument's
        uses = _Uses(named=True)
        is_key = _KEY.match(code, place.end) is not None
        for _ in range(USES_MAX):
            at = code.find(name, at + 1)
            if at < 0:
                break
            around = code[max(0, at - 1) : at] + code[at + len(name) : at + len(name) + 1]
            if any(sign.isalnum() or sign == "_" for sign in around) or place.since <= at < place.until:
                continue
            uses.used = True
            use = self._place(at, len(name))
            looked_up = is_key and _LOOKED_UP.match(code, at + len(name))
            if not looked_up and next(iter(self._calls(use)), "") != "len":
                uses.places.append(use)
        return uses


def _last(called: str) -> str:
    """The last of the names that a call is written with, in lower case."""
    return re.split(r"\.|::|->", called)[-1].lower()
