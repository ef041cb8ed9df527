"""Scripts that servers of Java come with, which start them by a command line that is put together of many variables.

Source: catalina.sh of Tomcat, standalone.sh of WildFly, jetty.sh of Jetty, and what distributions start Tomcat by.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.commands.programs import DEFAULT_PATH
from imds_probe.inventory.schedules.system_files import SystemFiles

JAVAS_MAX = 50
_STARTING_NOTHING = frozenset(("stop", "version", "configtest", "status", "check"))
_TOPS = ("/usr/lib/jvm", "/usr/java", "/opt")  # where a JVM is that no variable names


@dataclass(frozen=True)
class ServerScript:
    """`home` and `base` are the variables that name the directory of the server and that of its instance, with the properties that
    say so to it. `jar` starts it, and `mark` lies in the directory of the server.
    """

    home: str
    base: str
    property_of_home: str
    property_of_base: str
    jar: str
    mark: str


_TOMCAT = ServerScript(
    "CATALINA_HOME", "CATALINA_BASE", "catalina.home", "catalina.base", "bin/bootstrap.jar", "bin/catalina.sh"
)
_WILDFLY = ServerScript(
    "JBOSS_HOME", "JBOSS_BASE_DIR", "jboss.home.dir", "jboss.server.base.dir", "jboss-modules.jar", "bin/standalone.sh"
)
_JETTY = ServerScript("JETTY_HOME", "JETTY_BASE", "jetty.home", "jetty.base", "start.jar", "start.jar")
_SCRIPTS: Mapping[str, ServerScript] = {
    **dict.fromkeys(("catalina.sh", "startup.sh", "tomcat.sh", "server"), _TOMCAT),
    "standalone.sh": _WILDFLY,
    "jetty.sh": _JETTY,
}
_OF_DISTRIBUTIONS = ("/usr/share/tomcat", "/usr/share/tomcat8", "/usr/share/tomcat9", "/usr/share/tomcat10")


def server_of(
    script: str, arguments: Sequence[str], environment: Mapping[str, str], files: SystemFiles
) -> tuple[str, ...] | None:
    """The command line by which a script starts a server, as far as it says where that has its applications; None of any other
    script. It begins with an empty word where no JVM is found.
    """
    server = _SCRIPTS.get(posixpath.basename(script))
    if server is None or not _STARTING_NOTHING.isdisjoint(arguments):
        return None
    above = posixpath.dirname(posixpath.dirname(script))
    homes = (environment.get(server.home, ""), above, *(_OF_DISTRIBUTIONS if "tomcat" in script else ()))
    marks = [f"{home}/{server.mark}" for home in homes if home.startswith("/")]
    found = next(files.files(marks), "")
    if not found:
        return None
    home = found.removesuffix(f"/{server.mark}")
    base = environment.get(server.base) or (f"{home}/standalone" if server is _WILDFLY else home)
    properties = (f"-D{server.property_of_base}={base}", f"-D{server.property_of_home}={home}")
    java = next(files.files(list(_javas(environment, files)), executable=True), "")
    return java, *properties, "-jar", f"{home}/{server.jar}"


def _javas(environment: Mapping[str, str], files: SystemFiles) -> Iterator[str]:
    for name in ("JRE_HOME", "JAVA_HOME"):
        if home := environment.get(name):
            yield f"{home}/bin/java"
    yield from (f"{place}/java" for place in (environment.get("PATH") or DEFAULT_PATH).split(":") if place)
    for top in _TOPS:
        yield from (f"{top}/{name}/bin/java" for name in files.names(top)[:JAVAS_MAX])
