from imds_probe import documents
from imds_probe.documents import document


def test_a_page_is_named_as_the_package_put_it_or_by_its_name_in_the_source(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/fleet.md").touch()
    (tmp_path / "packaging/iam").mkdir(parents=True)
    monkeypatch.setattr(documents, "INSTALLED", tmp_path)
    assert document("docs/fleet.md") == f"{tmp_path}/docs/fleet.md"
    assert document("packaging/iam") == f"{tmp_path}/packaging/iam"
    assert document("docs/catalog.md") == "docs/catalog.md"
