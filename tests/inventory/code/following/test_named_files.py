from __future__ import annotations

from imds_probe.inventory.code.following.named_files import NAMED_MAX, named_settings


def test_files_of_settings_by_their_names() -> None:
    text = b"json.load(open('/etc/app/a.json')); read('b.ini'), c.yaml .env x.jsonl json.conf( d.config ../e.toml /x.json.bak"
    assert named_settings(text) == ("/etc/app/a.json", "b.ini", "c.yaml", "../e.toml")


def test_there_are_only_so_many_of_any_length() -> None:
    many = b" ".join(b"%d.json" % number for number in range(100))
    assert len(named_settings(many)) == NAMED_MAX
    assert len(named_settings(b"x" * 10_000 + b".json")[0]) <= 200
