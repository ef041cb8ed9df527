"""Home-made clients that are compiled: their sources, and the scripts by which a layer gets what is made of these alone.

Each asks once, and every second where it is given `--again`.
"""

from __future__ import annotations

from truth.home_made import PYTHON_V1, PYTHON_V2
from truth.layer_list import APT

_JAVA = """\
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;

public class Agent {
    static final String SERVICE = "http://169.254.169.254";
    static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    static String send(HttpRequest.Builder asked) throws Exception {
        return CLIENT.send(asked.timeout(Duration.ofSeconds(3)).build(), BodyHandlers.ofString()).body();
    }

    static HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create(SERVICE + path));
    }

    static String ask() throws Exception {
        %s
    }

    public static void main(String[] arguments) throws Exception {
        do {
            String said;
            try {
                said = ask();
            } catch (Exception trouble) {
                said = trouble.toString();
            }
            System.out.println("asked: " + said.replace('\\n', ' '));
            Thread.sleep(1000);
        } while (List.of(arguments).contains("--again"));
    }
}
"""
_JAVA_V1 = _JAVA % 'return send(to("/latest/meta-data/instance-id"));'
_JAVA_V2 = (
    _JAVA
    % """\
HttpRequest.Builder put = to("/latest/api/token").PUT(HttpRequest.BodyPublishers.noBody());
        String token = send(put.header("X-aws-ec2-metadata-token-ttl-seconds", "60"));
        return send(to("/latest/meta-data/instance-id").header("X-aws-ec2-metadata-token", token));"""
)
_GO = """\
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const service = "http://169.254.169.254/latest"

func send(method, path string, headers map[string]string) (string, error) {
	asked, err := http.NewRequest(method, service+path, nil)
	if err != nil {
		return "", err
	}
	for name, value := range headers {
		asked.Header.Set(name, value)
	}
	answer, err := (&http.Client{Timeout: 3 * time.Second}).Do(asked)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

func ask() (string, error) {
%s
}

func main() {
	for {
		said, err := ask()
		if err != nil {
			said = err.Error()
		}
		fmt.Println("asked:", strings.ReplaceAll(said, "\\n", " "))
		if len(os.Args) < 2 || os.Args[1] != "--again" {
			return
		}
		time.Sleep(time.Second)
	}
}
"""
_GO_V1 = _GO % '\treturn send("GET", "/meta-data/instance-id", nil)'
_GO_V2 = (
    _GO
    % """\
	token, err := send("PUT", "/api/token", map[string]string{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
	if err != nil {
		return "", err
	}
	return send("GET", "/meta-data/instance-id", map[string]string{"X-aws-ec2-metadata-token": token})"""
)


def _written(path: str, text: str) -> str:
    return f"mkdir -p $(dirname {path})\ncat >{path} <<'END'\n{text}\nEND\n"


PYTHON = f"""
{_written("/opt/v1/metadata.py", PYTHON_V1)}
{_written("/opt/v2/metadata.py", PYTHON_V2)}
/usr/bin/python3 -m compileall -q -b /opt/v1 /opt/v2
rm /opt/v?/metadata.py
"""
# The runtime of Debian has the compiler and the archiver as modules, without the commands by their names.
JAVA = f"""
mkdir -p /opt/app
{_written("/tmp/v1/Agent.java", _JAVA_V1)}
{_written("/tmp/v2/Agent.java", _JAVA_V2)}
for version in v1 v2; do
    java -m jdk.compiler/com.sun.tools.javac.Main -d /tmp/$version/classes /tmp/$version/Agent.java
    java -m jdk.jartool/sun.tools.jar.Main --create --file /opt/app/$version.jar --main-class Agent -C /tmp/$version/classes .
done
"""
# The compiler is unpacked where it passes: what it made is deployed without it.
GO = f"""
cd /tmp
{APT} update
{APT} download golang-1.19-go golang-1.19-src
for deb in golang-*.deb; do dpkg-deb -x $deb /tmp/go; done
export GOROOT=/tmp/go/usr/lib/go-1.19 GOCACHE=/tmp/cache GOFLAGS=-trimpath CGO_ENABLED=0 GO111MODULE=off
{_written("/tmp/v1/agent.go", _GO_V1)}
{_written("/tmp/v2/agent.go", _GO_V2)}
for version in v1 v2; do
    $GOROOT/bin/go build -ldflags '-s -w' -o /usr/local/bin/agent-$version /tmp/$version/agent.go
done
"""
