import pytest

from imds_probe.net.obstacles.nft_text import dormant, quotes

AT = ("nftables", "ip", "t", "c")


def test_rules_as_nft_prints_them(bare):
    bare.nft(
        'table ip t { comment "of the table"; flags dormant; chain far {\n }\n chain c { type filter hook output priority 0;\n'
        ' ip daddr 169.254.169.254 counter drop comment "a {b} # handle 3"\n drop\n }\n}\n'
        "table inet u { chain c { type filter hook output priority 0;\n accept\n }\n}"
    )
    text = bare.run("nft", "-a", "list", "ruleset").encode()
    wanted = {(AT, handle) for handle in range(1, 9)} | {(("nftables", "inet", "u", "c"), 2)}
    found = quotes(text, wanted)
    assert set(found.values()) == {"ip daddr 169.254.169.254 drop comment …", "drop", "accept"}
    assert quotes(text, {(AT, 999)}) == {}
    assert dormant(text) == {("ip", "t")}


def test_a_comment_cannot_pose_as_a_rule():
    text = (
        b"table ip t { # handle 1\n\tchain c { # handle 1\n"
        b'\t\tdrop comment "\n\t\taccept # handle 3\n" # handle 2\n\t\tdrop # handle 3\n\t}\n}\n'
    )
    assert quotes(text, {(AT, 3)}) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"table ip t { # handle 1\n\tflags dormant\n", {("ip", "t")}),
        (b"table ip t { # handle 1\n\tflags owner,dormant\n", {("ip", "t")}),
        (b"table ip t { # handle 1\n\tflags owner\n", set()),
        (b"table ip t { # handle 1\n\tset s {\n\t\tflags dormant\n", set()),
        (b'table ip t { # handle 1\n\tchain c {\n\t\tdrop comment "\n\tflags dormant\n', set()),
        (b"\tflags dormant\n", set()),
        (b"\xff\xfe", set()),
    ],
)
def test_flags_stand_at_the_head_of_a_table(text, expected):
    assert dormant(text) == expected
