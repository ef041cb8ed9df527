import pytest

from imds_probe.fleet.bounded import NamedFix
from imds_probe.fleet.page_words import fix_words
from imds_probe.fleet.room import DOCUMENT, TERMINAL


@pytest.mark.parametrize(
    ("fix", "shown"),
    [
        (("check", "code-not-read: code", "code-not-read"), "resolve code-not-read: code"),
        (("check", "refused-for-good: /opt/register.sh", "refused-for-good"), "resolve refused-for-good: ...ster.sh"),
        (("check", "package-manager-failed: dpkg", "package-manager-failed"), "resolve package-manager-failed: dpkg"),
        (
            ("check", "metadata-options-pending: instance", "metadata-options-pending"),
            "resolve metadata-options-pending",
        ),
        (("program", "/usr/local/lib/a-long-name/agent", "imdsv1-caller"), "change caller ...b/a-long-name/agent"),
    ],
)
def test_where_columns_are_narrow_the_id_that_explain_takes_stays_whole(fix, shown):
    said = fix_words(NamedFix(*fix), TERMINAL, 36)
    assert said == shown
    assert len(said) <= 36
    assert fix[1] in fix_words(NamedFix(*fix), DOCUMENT, 36)
