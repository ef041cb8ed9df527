from imds_probe.net.obstacles.obstacle import QUOTE_LIMIT, Obstacle, Obstacles, shortened


def test_short_text_stays():
    assert shortened('ip daddr 169.254.169.254 drop comment "ä"') == 'ip daddr 169.254.169.254 drop comment "ä"'


def test_long_text_is_cut():
    text = shortened("x" * 1_000_000)
    assert (len(text), text[-1]) == (QUOTE_LIMIT, "…")


def test_one_line_that_a_terminal_can_take():
    assert shortened('drop comment "\x1b[31mred\n\tdrop\u202e"') == 'drop comment " [31mred drop "'


def test_equal_answers_are_one():
    one = Obstacle("drop", "ipv4", "here", "drop", None, True, None, "any")
    assert len({one, Obstacle("drop", "ipv4", "here", "drop", None, True, None, "any")}) == 1
    assert Obstacles((one,), ()) == Obstacles((one,), ())
