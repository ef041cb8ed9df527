from imds_probe.inventory.schedules.commands.container_run import ImageRun
from imds_probe.inventory.schedules.commands.followed import (
    PROJECTS_MAX,
    STARTED_MAX,
    TOO_MANY_OF_PROJECTS,
    Followed,
    HeldText,
    InRoot,
    Unfollowed,
)
from imds_probe.inventory.schedules.commands.gathered import Gathered
from imds_probe.inventory.schedules.commands.programs import Started


def test_each_thing_is_there_once_in_the_order_of_the_first():
    found = Gathered()
    programs = [
        Started("/a", ("/a",), {"A": "1"}, "/"),
        Started("/b", ("/b",), {}, "/"),
        Started("/a", ("/a",), {}, "/"),
    ]
    images = [ImageRun("x:1", ("a",)), ImageRun("x:1", ("a",))]
    roots = [InRoot("/srv", ("a",), "/", {}), InRoot("/srv", ("a",), "/x", {})]
    texts = [HeldText("/opt/package.json", "a", {}), HeldText("/opt/package.json", "a", {"A": "1"})]
    for each in programs:
        found.start(each)
    for each in images:
        found.run_image(each)
    for each in roots:
        found.enter(each)
    for each in texts:
        found.hold(each)
    for script in ("", "/opt/x", ""):
        found.say("why", script)
    assert found.followed("text", passes_over=False) == Followed(
        "text",
        tuple(programs[:2]),
        (Unfollowed("why"), Unfollowed("why", "/opt/x")),
        tuple(images[:1]),
        tuple(roots[:1]),
        tuple(texts[:1]),
        passes_over=False,
    )


def test_starts_come_to_nothing_where_the_command_or_a_script_says_so():
    found = Gathered()
    assert found.followed("", passes_over=True).passes_over
    found.passes_over = True
    assert found.followed("", passes_over=False).passes_over


def test_roots_and_programs_are_bounded():
    found = Gathered()
    for number in range(STARTED_MAX + 5):
        assert found.is_full is (number >= STARTED_MAX)
        found.start(Started(f"/{number}", (), {}, "/"))
        found.enter(InRoot(f"/{number}", ("a",), "/", {}))
    assert len(found.followed("", passes_over=False).roots) == STARTED_MAX


def test_a_command_of_a_project_is_followed_once_and_only_so_many_are():
    found = Gathered()
    assert [found.is_done(("npm", "run", "x"), "") for _ in range(2)] == [False, True]
    assert not any(found.is_done(("npm", "run", number), "") for number in range(PROJECTS_MAX - 1))
    assert found.is_done(("npm", "run", "one more"), "/opt/x")
    assert found.followed("", passes_over=False).unfollowed == (Unfollowed(TOO_MANY_OF_PROJECTS, "/opt/x"),)
