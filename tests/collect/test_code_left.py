from code_systems import sdk
from contexts import CATALOG

from imds_probe.collect.code_left import is_left, left, named


def test_what_was_recognised_is_left_where_its_version_decides() -> None:
    found = (sdk("botocore", "1.12.253", 5, 6), sdk("botocore", "1.44.8", 7), sdk("boto", "2.49.0"))
    assert left(CATALOG, found) == (("pypi boto", ()), ("pypi botocore", (5, 6, 7)))
    assert left(CATALOG, ()) == ()


def test_what_no_version_decides_about_is_not() -> None:
    """A version that is not known, and one that its row does not decide about, as it depends on its use."""
    assert left(CATALOG, (sdk("botocore", None, 5), sdk("minio", "7.1.0", 5))) == ()
    both = (sdk("botocore", "1.12.253", 5, 6), sdk("botocore", "no-version", 6))
    assert left(CATALOG, both) == (("pypi botocore", (5,)),)


def test_a_package_is_left_in_the_processes_that_it_was_recognised_in() -> None:
    by = (("pypi botocore", (5, 6)),)
    assert is_left("pypi", "botocore", (5,), by)
    assert is_left("pypi", "botocore", (), by)
    assert not is_left("pypi", "botocore", (5, 7), by)
    assert not is_left("npm", "botocore", (5,), by)


def test_names_as_directories_and_archives_have_them() -> None:
    assert list(named("pypi", "Aws_Xray_SDK")) == ["pypi aws-xray-sdk"]
    assert list(named("maven", "com.amazonaws:aws-java-sdk-core")) == [
        "maven com.amazonaws:aws-java-sdk-core",
        "maven aws-java-sdk-core",
    ]
