import os

import pytest

from imds_probe.system.filesystem import magic


@pytest.mark.parametrize(
    ("path", "number"), [("/proc", 0x9FA0), ("/sys", 0x62656572), ("/proc/self/ns/net", 0x6E736673)]
)
def test_what_the_kernel_says(path, number):
    fd = os.open(path, os.O_PATH)
    assert magic(fd) == number
    os.close(fd)


def test_a_descriptor_that_is_not_open():
    with pytest.raises(OSError, match="Bad file descriptor"):
        magic(-1)
