"""What servers of Java load of the applications that are deployed to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root, jar

from imds_probe.inventory.code import unread

CLASS, TOMCAT, SERVER = b"\xca\xfe\xba\xbe", "/opt/tomcat", "/opt/s.jar"
LINE = (
    *("java", "-classpath", SERVER, f"-Dcatalina.base={TOMCAT}", "-Dcatalina.home=/usr/share/tomcat"),
    *("org.apache.catalina.startup.Bootstrap", "start"),
)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path).put({"/usr/bin/java": "", SERVER: jar("")})


def xml(text: str) -> dict[str, str]:
    return {f"{TOMCAT}/conf/server.xml": f"<Server><Host {text} name='localhost'></Host></Server>"}


def test_applications_of_tomcat_unpacked_and_as_archives(root: Root) -> None:
    root.put(
        {
            f"{TOMCAT}/webapps/shop/WEB-INF/classes/com/acme/Meta.class": CLASS,
            f"{TOMCAT}/webapps/shop/WEB-INF/lib/own.jar": jar(""),
            f"{TOMCAT}/webapps/shop/index.jsp": "",
            f"{TOMCAT}/webapps/shop.war": jar(""),
            f"{TOMCAT}/webapps/ROOT##1.2/WEB-INF/classes/A.class": CLASS,
            f"{TOMCAT}/webapps/pay.war": jar(""),
            f"{TOMCAT}/lib/driver.jar": jar(""),
            f"{TOMCAT}/old/webapps/gone/WEB-INF/classes/B.class": CLASS,
            "/usr/share/tomcat/lib/catalina.jar": jar(""),
        }
    )
    assert root.loaded(*LINE) == {
        f"{TOMCAT}/webapps/shop/WEB-INF/classes/com/acme/Meta.class": f"{TOMCAT}/webapps/shop/WEB-INF/classes",
        f"{TOMCAT}/webapps/ROOT##1.2/WEB-INF/classes/A.class": f"{TOMCAT}/webapps/ROOT##1.2/WEB-INF/classes",
        **{path: path for path in (f"{TOMCAT}/webapps/shop/WEB-INF/lib/own.jar", f"{TOMCAT}/webapps/pay.war", SERVER)},
        **{path: path for path in (f"{TOMCAT}/lib/driver.jar", "/usr/share/tomcat/lib/catalina.jar")},
    }


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("/srv/apps/shop", xml('appBase="/srv/apps"')),
        ("/opt/tomcat/apps/shop", xml("appBase = 'apps'")),
        ("/opt/tomcat/apps/shop", xml("appBase='${catalina.base}/apps'")),
        ("/srv/shop", {f"{TOMCAT}/conf/Catalina/localhost/shop.xml": '<Context docBase="/srv/shop"/>'}),
        ("/srv/shop", xml("appBase='webapps'><Context docBase='/srv/shop'/><x")),
    ],
)
def test_places_that_settings_of_tomcat_name(root: Root, path: str, files: dict[str, str]) -> None:
    root.put({**files, f"{path}/WEB-INF/classes/A.class": CLASS})
    loads = root.follow(*LINE)
    assert f"{path}/WEB-INF/classes/A.class" in {load.path for load in loads.files}
    assert loads.cut_short == ""


def test_a_place_that_only_running_tells_was_not_read(root: Root) -> None:
    root.put(xml('appBase="${app.dir}"'))
    assert root.follow(*LINE).cut_short == unread.NO_SCRIPT
    assert root.follow("java", "-Dapp.dir=/srv/a", *LINE[1:]).cut_short == ""


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("-Djetty.base=/srv/j -jar /opt/s.jar", "/srv/j/webapps/shop/WEB-INF/classes/A.class"),
        ("-Djboss.home.dir=/opt/w -jar /opt/s.jar", "/opt/w/standalone/deployments/a.war/WEB-INF/classes/A.class"),
        ("-Djboss.server.base.dir=/opt/w/s -jar /opt/s.jar", "/opt/w/s/deployments/b.ear/a.war/WEB-INF/classes/A.class"),
        ("-Djboss.server.base.dir=/opt/w/s -jar /opt/s.jar", "/opt/w/s/deployments/b.ear/lib/x.jar"),
        ("-Dkaraf.base=/opt/k -cp /opt/s.jar Main", "/opt/k/deploy/own.jar"),
        ("-Dloader.path=lib,/srv/more -jar /opt/s.jar", "/srv/more/own.jar"),
        ("-jar /opt/s.jar --port 80 /srv/shop.war", "/srv/shop.war"),
        ("-jar /opt/s.jar --warfile=/srv/shop.war", "/srv/shop.war"),
        ("-jar /opt/s.jar /srv/shop", "/srv/shop/WEB-INF/classes/A.class"),
    ],
)  # fmt: skip
def test_other_servers_and_what_arguments_name(root: Root, line: str, path: str) -> None:
    content = CLASS if path.endswith(".class") else jar("")
    root.put({path: content, "/srv/aside/WEB-INF/classes/A.class": CLASS, "/srv/aside.war": jar("")})
    loads = root.follow("java", *line.split())
    assert {load.path for load in loads.files} == {path, SERVER}
    assert loads.cut_short == ""


def test_what_lies_there_is_nothing_to_other_programs(root: Root) -> None:
    root.put({f"{TOMCAT}/webapps/shop/WEB-INF/classes/A.class": CLASS, "/srv/a.war/a.war": "", "/srv/notes.txt": ""})
    assert set(root.loaded("java", "-jar", SERVER, "/srv/notes.txt", directory=TOMCAT)) == {SERVER}
