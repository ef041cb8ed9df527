"""The parts that ask for metadata of what distributions ship for EC2, in the shape that they have there: before they asked for a
token, and since. Written for these tests.
"""

from __future__ import annotations

URL_HELPER = """import requests


def combine_url(base, *add_ons):
    url = base
    for add_on in add_ons:
        url = '%s/%s' % (url.rstrip('/'), add_on)
    return url


def readurl(url, data=None, timeout=None, retries=0, headers=None, request_method=None):
    return requests.request(request_method or 'GET', url, data=data, timeout=timeout, headers=headers)


def wait_for_url(urls, max_wait=None, timeout=None, headers_cb=None):
    for url in urls:
        headers = headers_cb(url) if headers_cb else {}
        if readurl(url, timeout=timeout, headers=headers).ok:
            return url
    return None
"""
EC2_HELPER = """from cloudinit import url_helper


def get_instance_metadata(api_version='latest', metadata_address='http://169.254.169.254', headers_cb=None):
    md_url = url_helper.combine_url(metadata_address, api_version)
    md_url = url_helper.combine_url(md_url, 'meta-data')
    headers = headers_cb(md_url) if headers_cb else {}
    return url_helper.readurl(url=md_url, headers=headers)
"""
_DATASOURCE = """from cloudinit import url_helper as uhelp
from cloudinit.sources.helpers import ec2

{constants}
class DataSourceEc2(object):
    dsname = 'Ec2'
    metadata_urls = ['http://169.254.169.254', 'http://instance-data.:8773']
    min_metadata_version = '2009-04-04'

    def wait_for_metadata_service(self):
        urls = []
        url2base = {{}}
        for url in self.metadata_urls:
            cur = '{{0}}/{{1}}/meta-data/instance-id'.format(url, self.min_metadata_version)
            urls.append(cur)
            url2base[cur] = url
        url = uhelp.wait_for_url(urls=urls, max_wait=120, timeout=50{headers})
        self.metadata_address = url2base.get(url)
        return bool(self.metadata_address)

    def crawl_metadata(self):
        return ec2.get_instance_metadata('2018-09-24', self.metadata_address{headers})
{token}"""
_TOKEN = """
    def _refresh_api_token(self, seconds=TTL_SECONDS):
        url = '{0}/{1}'.format(self.metadata_address or self.metadata_urls[0], API_TOKEN_ROUTE)
        return uhelp.readurl(url, headers={TOKEN_TTL_HEADER: seconds}, request_method='PUT').text

    def _get_headers(self, url=''):
        if API_TOKEN_ROUTE in url:
            return {TOKEN_TTL_HEADER: TTL_SECONDS}
        return {TOKEN_HEADER: self._refresh_api_token()}
"""
_CONSTANTS = """API_TOKEN_ROUTE = 'latest/api/token'
TTL_SECONDS = '21600'
TOKEN_HEADER = 'X-aws-ec2-metadata-token'
TOKEN_TTL_HEADER = TOKEN_HEADER + '-ttl-seconds'

"""
OPENSTACK = """class DataSourceOpenStack(object):
    metadata_urls = ['http://169.254.169.254']

    def path(self):
        return 'openstack/latest/meta_data.json'
"""


def cloud_init(site: str, *, token: bool) -> dict[str, str]:
    """The package cloudinit in a directory of libraries, and its program."""
    datasource = _DATASOURCE.format(
        constants=_CONSTANTS if token else "",
        headers=", headers_cb=self._get_headers" if token else "",
        token=_TOKEN if token else "",
    )
    return {
        f"{site}/cloudinit/__init__.py": "",
        f"{site}/cloudinit/url_helper.py": URL_HELPER,
        f"{site}/cloudinit/sources/__init__.py": "",
        f"{site}/cloudinit/sources/DataSourceEc2.py": datasource,
        f"{site}/cloudinit/sources/DataSourceOpenStack.py": OPENSTACK,
        f"{site}/cloudinit/sources/helpers/__init__.py": "",
        f"{site}/cloudinit/sources/helpers/ec2.py": EC2_HELPER,
        f"{site}/cloudinit/cmd/__init__.py": "",
        f"{site}/cloudinit/cmd/main.py": "import importlib\n\n\ndef main():\n"
        "    importlib.import_module('cloudinit.sources.DataSourceEc2')\n",
        f"{site}/cloudinit/tests/test_ec2.py": "URL = 'http://169.254.169.254/latest/meta-data/instance-id'\n",
    }


_CFN = """import requests

{constants}

def _ask(path):
    return requests.get('http://169.254.169.254/latest/' + path, timeout=5{headers}).text


def get_role_creds(name):
    return _ask('meta-data/iam/security-credentials/%s' % name)


def get_instance_identity_document():
    return _ask('dynamic/instance-identity/document')
"""
_CFN_TOKEN = """
def _token():
    url = 'http://169.254.169.254/latest/api/token'
    return requests.put(url, headers={'X-aws-ec2-metadata-token-ttl-seconds': '21600'}, timeout=5).text

"""


def cfn_bootstrap(site: str, *, token: bool) -> dict[str, str]:
    """The package cfnbootstrap, and what CloudFormation's templates call."""
    util = _CFN.format(
        constants=_CFN_TOKEN if token else "",
        headers=", headers={'X-aws-ec2-metadata-token': _token()}" if token else "",
    )
    return {
        f"{site}/cfnbootstrap/__init__.py": "",
        f"{site}/cfnbootstrap/util.py": util,
        f"{site}/cfnbootstrap/cfn_client.py": "from cfnbootstrap import util\n",
        "/opt/aws/bin/cfn-init": "#!/usr/bin/python2.7\nimport cfnbootstrap.cfn_client\n",
        "/opt/aws/bin/cfn-signal": "#!/usr/bin/python2.7\nimport cfnbootstrap.cfn_client\n",
    }


_EC2METADATA = """#!/usr/bin/python3
import sys
import urllib.request as urllib_request

INSTDATA_HOST = '169.254.169.254'
METAOPTS = ['ami-id', 'instance-id', 'local-ipv4']


class EC2Metadata:
    def __init__(self, url='http://' + INSTDATA_HOST):
        self.url = url

    def _get(self, uri):
        req = urllib_request.Request('%s/2009-04-04/meta-data/%s' % (self.url, uri))
{token}        return urllib_request.urlopen(req).read()


for option in METAOPTS:
    sys.stdout.write('%s: %s' % (option, EC2Metadata()._get(option)))
"""
_EC2METADATA_TOKEN = """        put = urllib_request.Request('%s/latest/api/token' % self.url, method='PUT')
        put.add_header('X-aws-ec2-metadata-token-ttl-seconds', '60')
        req.add_header('X-aws-ec2-metadata-token', urllib_request.urlopen(put).read().decode())
"""


def cloud_guest_utils(*, token: bool) -> dict[str, str]:
    """Its script ec2metadata, and growpart, for which it is mostly there."""
    return {
        "/usr/bin/ec2metadata": _EC2METADATA.format(token=_EC2METADATA_TOKEN if token else ""),
        "/usr/bin/growpart": "#!/bin/sh\nsfdisk --list\n",
        "/usr/bin/vcs-run": "#!/bin/sh\ngit clone $1\n",
    }


_HIBINIT = """#!/usr/bin/python3
import urllib.request

{token}
def hibernation_enabled():
    url = 'http://169.254.169.254/latest/meta-data/hibernation/configured'
    return urllib.request.urlopen(urllib.request.Request(url{headers})).read() == b'true'


hibernation_enabled()
"""
_HIBINIT_TOKEN = """def get_imds_token(seconds=21600):
    headers = {'X-aws-ec2-metadata-token-ttl-seconds': str(seconds)}
    url = 'http://169.254.169.254/latest/api/token'
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers, method='PUT')).read()

"""


def hibinit_agent(*, token: bool) -> dict[str, str]:
    """The agent alone; a unit of its own starts it."""
    script = _HIBINIT.format(
        token=_HIBINIT_TOKEN if token else "",
        headers=", headers={'X-aws-ec2-metadata-token': get_imds_token()}" if token else "",
    )
    return {"/usr/bin/hibinit-agent": script}
