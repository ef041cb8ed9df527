from imds_probe.ecosystems.version_error import VersionError
from imds_probe.errors import ProbeError


def test_it_is_expected_trouble():
    assert isinstance(VersionError("'x' is no version"), ProbeError)
    assert VersionError("'x' is no version").problem == "'x' is no version"
