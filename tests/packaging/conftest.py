import pytest
from aws_server import aws_server


@pytest.fixture(scope="session")
def _server():
    with aws_server("launching_aws", "switching_aws") as server:
        yield server


@pytest.fixture
def aws(_server):
    """AWS with nothing in it."""
    _server.reset()
    return _server
