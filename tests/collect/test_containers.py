import pytest

from imds_probe.collect.containers import collect
from imds_probe.errors import ProbeError

ID = "0123456789abcdef" * 4


def processes(root, *cgroups):
    (root / "proc/self").mkdir(parents=True)
    for pid, cgroup in enumerate(cgroups, start=100):
        (root / f"proc/{pid}").mkdir()
        if cgroup is not None:
            (root / f"proc/{pid}/cgroup").write_text(cgroup)
    return root


def test_containers_are_counted_once(tmp_path):
    other = f"0::/docker/{'f' * 64}\n"
    assert len(collect(processes(tmp_path, f"0::/docker/{ID}\n", f"0::/docker/{ID}\n", other, "0::/init.scope\n"))) == 2


def test_none(tmp_path):
    assert collect(processes(tmp_path, "0::/init.scope\n")) == frozenset()


def test_a_process_that_ended_meanwhile_is_no_trouble(tmp_path):
    assert collect(processes(tmp_path, "0::/init.scope\n", None)) == frozenset()


def test_an_empty_proc_is_not_an_empty_host(tmp_path):
    with pytest.raises(ProbeError, match="too few processes"):
        collect(processes(tmp_path))
