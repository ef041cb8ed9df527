from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError


def test_its_text_goes_on_from_the_name_of_the_file():
    assert f"/var/lib/rpm/Packages {DatabaseError('is cut off')}" == "/var/lib/rpm/Packages is cut off"
