from __future__ import annotations

from pathlib import Path

import pytest

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import pods
from imds_probe.inventory.schedules.pods import pods_of, texts_of
from imds_probe.inventory.schedules.scheduled import Place, When
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

SPEC = {
    "containers": [{"name": "a", "image": "x:1", "command": ["/y"], "args": [1], "env": [{"name": "A", "value": "b"}]}]
}


def found(document: object, at: Path) -> list[tuple[str, str, list[str]]]:
    return [
        (each.kind, each.name, [one.image for one in each.containers])
        for each in pods_of(document, "/x", SystemFiles(at))
    ]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"spec": SPEC}, [("pod", "", ["x:1"])]),
        ({"kind": "Pod", "metadata": {"name": "p"}, "spec": SPEC}, [("pod", "p", ["x:1"])]),
        (
            {"kind": "DaemonSet", "metadata": {"name": "d"}, "spec": {"template": {"spec": SPEC}}},
            [("daemonset", "d", ["x:1"])],
        ),
        (
            {"kind": "CronJob", "metadata": {"name": "c"}, "spec": {"jobTemplate": {"spec": {"template": {"spec": SPEC}}}}},
            [("cronjob", "c", ["x:1"])],
        ),
        ({"kind": "List", "items": [{"kind": "Pod", "spec": SPEC}, 1, {"kind": "List", "items": [{"spec": SPEC}]}]},
         [("pod", "", ["x:1"])]),
        ({"kind": "ConfigMap", "spec": SPEC}, []),
        ({"kind": 1, "spec": 2}, []),
        ([], []),
        ({"kind": "Pod", "spec": {"containers": "x", "initContainers": [1]}}, [("pod", "", [])]),
    ],
)  # fmt: skip
def test_which_documents_have_pods(tmp_path: Path, document: object, expected: list[object]) -> None:
    assert found(document, tmp_path) == expected


def test_a_container_is_what_it_begins_with(tmp_path: Path) -> None:
    (pod,) = pods_of({"spec": {**SPEC, "hostNetwork": True}}, "/x", SystemFiles(tmp_path))
    (container,) = pod.containers
    (scheduled,) = container.scheduled(Place("/x"), When("boot", "b", 1.0), own_network=pod.own_network)
    assert (scheduled.command, scheduled.whole, scheduled.image) == (("/y", "1"), True, "x:1")
    assert (scheduled.environment, scheduled.own_network, scheduled.every_s) == ({"A": "b"}, False, 1.0)


def test_documents_are_told_apart_and_too_many_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = SystemFiles(tmp_path)
    assert list(texts_of("---\na: 1\n--- # x\nb: '---'\n---x\n", "/x", files)) == ["\na: 1\n", "\nb: '---'\n---x\n"]
    monkeypatch.setattr(pods, "DOCUMENTS_MAX", 1)
    assert len(texts_of("a: 1\n---\nb: 2\n", "/x", files)) == 1
    assert files.take_left_out() == (LeftOut("/x", unread.MORE),)


@pytest.mark.parametrize(("limit", "document"), [
    ("CONTAINERS_MAX", {"spec": {"containers": [{"image": "x"}] * 3}}),
    ("ITEMS_MAX", {"kind": "List", "items": [{"spec": SPEC}] * 3}),
])  # fmt: skip
def test_more_than_is_read_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, document: object
) -> None:
    files = SystemFiles(tmp_path)
    monkeypatch.setattr(pods, limit, 2)
    assert sum(len(each.containers) for each in pods_of(document, "/x", files)) == 2
    assert files.take_left_out() == (LeftOut("/x", unread.MORE),)
