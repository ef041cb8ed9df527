"""Clients as people write them themselves: in each language one that asks by IMDSv1 and one that asks for a token first.

What they do is the same; how the address stands in the code is not: whole, in parts that are put together, in a second file,
compiled.
"""

from __future__ import annotations

from truth.client import Client, command, node, perl, php, python, ruby, sh

_PYTHON = "/usr/bin/python3"
_CLIENT_V1 = """
connection = http.client.HTTPConnection("169.254.169.254", timeout=3)
connection.request("GET", "/latest/meta-data/instance-id")
return connection.getresponse().read().decode()
"""
_CLIENT_V2 = """
connection = http.client.HTTPConnection("169.254.169.254", timeout=3)
connection.request("PUT", "/latest/api/token", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
token = connection.getresponse().read().decode()
connection.request("GET", "/latest/meta-data/instance-id", headers={"X-aws-ec2-metadata-token": token})
return connection.getresponse().read().decode()
"""
_SPLIT_PROLOGUE = """
import urllib.request

SERVICE = "http://169.254.169.254"
VERSION = "latest"
HEADER = "X-aws-ec2-metadata-token"
"""
_SPLIT_V1 = """
return urllib.request.urlopen(f"{SERVICE}/{VERSION}/meta-data/" + "instance-id", timeout=3).read().decode()
"""
_SPLIT_V2 = """
ttl = {HEADER + "-ttl-seconds": "60"}
asked = urllib.request.Request("%s/%s/api/token" % (SERVICE, VERSION), method="PUT", headers=ttl)
token = urllib.request.urlopen(asked, timeout=3).read().decode()
asked = urllib.request.Request(f"{SERVICE}/{VERSION}/meta-data/" + "instance-id", headers={HEADER: token})
return urllib.request.urlopen(asked, timeout=3).read().decode()
"""
# A second file, which the program loads: what it has to get is all that the first one says.
PYTHON_V1 = """\
import urllib.request

BASE = "http://169.254.169.254/latest"


def get(name):
    return urllib.request.urlopen("{}/meta-data/{}".format(BASE, name), timeout=3).read().decode()
"""
PYTHON_V2 = """\
import urllib.request

BASE = "http://169.254.169.254/latest"


def get(name):
    ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    asked = urllib.request.Request("{}/api/token".format(BASE), method="PUT", headers=ttl)
    token = urllib.request.urlopen(asked, timeout=3).read().decode()
    headers = {"X-aws-ec2-metadata-token": token}
    asked = urllib.request.Request("{}/meta-data/{}".format(BASE, name), headers=headers)
    return urllib.request.urlopen(asked, timeout=3).read().decode()
"""
_GET = 'return metadata.get("instance-id")'

_FETCH_V1 = """
const answer = await fetch(`${service}/meta-data/instance-id`, { signal: AbortSignal.timeout(3000) })
return `${answer.status} ${await answer.text()}`
"""
_FETCH_V2 = """
const ttl = { "X-aws-ec2-metadata-token-ttl-seconds": "60" }
const token = await (await fetch(`${service}/api/token`, { method: "PUT", headers: ttl })).text()
const headers = { "X-aws-ec2-metadata-token": token }
const answer = await fetch(`${service}/meta-data/instance-id`, { headers, signal: AbortSignal.timeout(3000) })
return `${answer.status} ${await answer.text()}`
"""
_FETCH = {"prologue": 'const service = "http://169.254.169.254/latest"'}
_NODE_REQUEST = """\
const http = require("http")

const request = (method, path, headers) => new Promise((resolve, reject) => {
  const asked = http.request({ host: "169.254.169.254", method, path, headers, timeout: 3000 }, answer => {
    let text = ""
    answer.on("data", part => text += part).on("end", () => resolve(text))
  })
  asked.on("error", reject).on("timeout", () => asked.destroy(new Error("timed out")))
  asked.end()
})
"""
_NODE_V1 = f"""\
{_NODE_REQUEST}
exports.get = name => request("GET", "/latest/meta-data/" + name, {{}})
"""
_NODE_V2 = f"""\
{_NODE_REQUEST}
exports.get = async name => {{
  const token = await request("PUT", "/latest/api/token", {{ "X-aws-ec2-metadata-token-ttl-seconds": 60 }})
  return request("GET", "/latest/meta-data/" + name, {{ "X-aws-ec2-metadata-token": token }})
}}
"""
_NODE_GET = 'return await metadata.get("instance-id")'
_NODE_REQUIRE = 'const metadata = require("./lib/metadata")'

_RUBY_V1 = 'Net::HTTP.get(URI("http://169.254.169.254/latest/meta-data/instance-id"))'
_RUBY_V2 = """
Net::HTTP.start("169.254.169.254", 80, read_timeout: 3) do |http|
  token = http.send_request("PUT", "/latest/api/token", "", { "X-aws-ec2-metadata-token-ttl-seconds" => "60" }).body
  http.get("/latest/meta-data/instance-id", { "X-aws-ec2-metadata-token" => token }).body
end
"""
_RUBY_MODULE = """\
require "net/http"

module Metadata
  HOST = "169.254.169.254"

  def self.get(name)
%s
  end
end
"""
_RUBY_FILE_V1 = _RUBY_MODULE % '    Net::HTTP.get(URI("http://#{HOST}/latest/meta-data/#{name}"))'
_RUBY_FILE_V2 = (
    _RUBY_MODULE
    % """\
    Net::HTTP.start(HOST, 80, read_timeout: 3) do |http|
      ttl = { "X-aws-ec2-metadata-token-ttl-seconds" => "60" }
      token = http.send_request("PUT", "/latest/api/token", "", ttl).body
      http.get("/latest/meta-data/#{name}", { "X-aws-ec2-metadata-token" => token }).body
    end"""
)

_PERL_MODULE = """\
package Metadata;
use strict;
use warnings;
use HTTP::Tiny;

my $base = "http://169.254.169.254/latest";

sub get {
    my ($name) = @_;
    my $http = HTTP::Tiny->new(timeout => 3);
%s
    return "$answer->{status} $answer->{content}";
}

1;
"""
_PERL_FILE_V1 = _PERL_MODULE % '    my $answer = $http->get("$base/meta-data/$name");'
_PERL_FILE_V2 = (
    _PERL_MODULE
    % """\
    my $ttl = { "X-aws-ec2-metadata-token-ttl-seconds" => 60 };
    my $token = $http->put("$base/api/token", { headers => $ttl })->{content};
    my $answer = $http->get("$base/meta-data/$name", { headers => { "X-aws-ec2-metadata-token" => $token } });"""
)
_PERL_USE = 'use lib "/usr/local/lib/app";\nuse Metadata;'

_PHP_V1 = """
$context = stream_context_create(["http" => ["timeout" => 3, "ignore_errors" => true]]);
return file_get_contents("http://169.254.169.254/latest/meta-data/instance-id", false, $context);
"""
_PHP_ASK = """\
function asked(string $method, string $path, array $headers): string {
    $how = ["method" => $method, "header" => $headers, "timeout" => 3, "ignore_errors" => true];
    return file_get_contents(SERVICE . $path, false, stream_context_create(["http" => $how]));
}
"""
_PHP_V2 = """
$token = asked("PUT", "/latest/api/token", ["X-aws-ec2-metadata-token-ttl-seconds: 60"]);
return asked("GET", "/latest/meta-data/instance-id", ["X-aws-ec2-metadata-token: $token"]);
"""
_PHP_SERVICE = f'const SERVICE = "http://169.254.169.254";\n\n{_PHP_ASK}'
_PHP_CLASS = f"""\
<?php
{_PHP_SERVICE}
class Metadata {{
    public static function get(string $name): string {{
%s
    }}
}}
"""
_PHP_FILE_V1 = _PHP_CLASS % '        return asked("GET", "/latest/meta-data/" . $name, []);'
_PHP_FILE_V2 = (
    _PHP_CLASS
    % """\
        $token = asked("PUT", "/latest/api/token", ["X-aws-ec2-metadata-token-ttl-seconds: 60"]);
        return asked("GET", "/latest/meta-data/" . $name, ["X-aws-ec2-metadata-token: $token"]);"""
)
_PHP_GET = 'return Metadata::get("instance-id");'
_PHP_REQUIRE = 'require __DIR__ . "/lib/metadata.php";'

_SOURCED_V1 = """
. /etc/app/metadata.conf
curl -s -m 3 "$METADATA/instance-id"
"""
_SOURCED_V2 = """
. /etc/app/metadata.conf
TOKEN=$(curl -s -m 3 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$SERVICE/api/token")
curl -s -m 3 -H "X-aws-ec2-metadata-token: $TOKEN" "$METADATA/instance-id"
"""
_SOURCED = {"/etc/app/metadata.conf": "SERVICE=http://169.254.169.254/latest\nMETADATA=$SERVICE/meta-data\n"}
_WGET_SOURCED = """
. /etc/app/metadata.conf
wget -q -T 3 -t 1 -O - "$METADATA/instance-id"
"""
# Other ways to write the address.
_DECIMAL = "curl -s -m 3 http://2852039166/latest/meta-data/instance-id"
_BY_NAME = "curl -s -m 3 http://instance-data/latest/meta-data/instance-id"
_NAMED = {"/etc/hosts": "127.0.0.1 localhost\n169.254.169.254 instance-data.ec2.internal instance-data\n"}
_IPV6 = "curl -s -g -m 3 'http://[fd00:ec2::254]/latest/meta-data/instance-id'"


def _java(version: str) -> Client:
    # Where /proc is not mounted it does not find its own libraries beside itself.
    libraries = {"LD_LIBRARY_PATH": "/usr/lib/jvm/default-java/lib"}
    return command(f"/usr/bin/java -jar /opt/app/{version}.jar", "java", env=libraries)


HOME_MADE: dict[str, Client] = {
    "http-client-v1": python(_CLIENT_V1, "bookworm", prologue="import http.client", interpreter=_PYTHON),
    "http-client-v2": python(_CLIENT_V2, "bookworm", prologue="import http.client", interpreter=_PYTHON),
    "python-split-v1": python(_SPLIT_V1, "bookworm", prologue=_SPLIT_PROLOGUE, interpreter=_PYTHON),
    "python-split-v2": python(_SPLIT_V2, "bookworm", prologue=_SPLIT_PROLOGUE, interpreter=_PYTHON),
    **{
        f"python-module-{version}": python(
            _GET,
            "bookworm",
            prologue="import metadata",
            interpreter=_PYTHON,
            files={"/opt/app/metadata.py": text},
        )
        for version, text in (("v1", PYTHON_V1), ("v2", PYTHON_V2))
    },
    **{
        f"python-compiled-{version}": python(
            _GET,
            "python-compiled",
            prologue=f'sys.path.insert(0, "/opt/{version}")\nimport metadata',
            interpreter=_PYTHON,
        )
        for version in ("v1", "v2")
    },
    "node-fetch-v1": node(_FETCH_V1, "bookworm", **_FETCH),
    "node-fetch-v2": node(_FETCH_V2, "bookworm", **_FETCH),
    **{
        f"node-module-{version}": node(
            _NODE_GET, "bookworm", prologue=_NODE_REQUIRE, files={"/srv/app/lib/metadata.js": text}
        )
        for version, text in (("v1", _NODE_V1), ("v2", _NODE_V2))
    },
    "ruby-v1": ruby(_RUBY_V1, prologue='require "net/http"'),
    "ruby-v2": ruby(_RUBY_V2, prologue='require "net/http"'),
    **{
        f"ruby-module-{version}": ruby(
            'Metadata.get("instance-id")',
            prologue='require_relative "lib/metadata"',
            files={"/opt/app/lib/metadata.rb": text},
        )
        for version, text in (("v1", _RUBY_FILE_V1), ("v2", _RUBY_FILE_V2))
    },
    **{
        f"perl-module-{version}": perl(
            'return Metadata::get("instance-id");',
            "perl",
            prologue=_PERL_USE,
            files={"/usr/local/lib/app/Metadata.pm": text},
        )
        for version, text in (("v1", _PERL_FILE_V1), ("v2", _PERL_FILE_V2))
    },
    "php-v1": php(_PHP_V1),
    "php-v2": php(_PHP_V2, prologue=_PHP_SERVICE),
    **{
        f"php-module-{version}": php(_PHP_GET, prologue=_PHP_REQUIRE, files={"/var/www/app/lib/metadata.php": text})
        for version, text in (("v1", _PHP_FILE_V1), ("v2", _PHP_FILE_V2))
    },
    "java-v1": _java("v1"),
    "java-v2": _java("v2"),
    "go-v1": command("/usr/local/bin/agent-v1", "go"),
    "go-v2": command("/usr/local/bin/agent-v2", "go"),
    "sourced-v1": sh(_SOURCED_V1, files=_SOURCED),
    "sourced-v2": sh(_SOURCED_V2, files=_SOURCED),
    "wget-sourced-v1": sh(_WGET_SOURCED, files=_SOURCED),
    "curl-v1-decimal": sh(_DECIMAL),
    "curl-v1-by-name": sh(_BY_NAME, files=_NAMED),
    "curl-v1-by-ipv6": sh(_IPV6),
}
