from imds_probe.inventory.schedules.commands.container_run import ImageRun
from imds_probe.inventory.schedules.commands.followed import (
    PLAIN_MAX,
    PROJECTS_MAX,
    STARTED_MAX,
    TOO_MANY,
    TOO_MANY_OF_PROJECTS,
    Followed,
    HeldText,
    InRoot,
    Unfollowed,
)
from imds_probe.inventory.schedules.commands.gathered import Gathered
from imds_probe.inventory.schedules.commands.in_container import InContainer
from imds_probe.inventory.schedules.commands.programs import Started
from imds_probe.inventory.schedules.commands.settings_named import NamedSettings


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


def test_what_there_is_no_room_for_is_said():
    for add in (
        lambda found, number: found.enter(InRoot(f"/{number}", (), "/", {})),
        lambda found, number: found.run_inside(InContainer("container", str(number), ("x",))),
        lambda found, number: found.name_settings(NamedSettings("x", f"/{number}")),
    ):
        found = Gathered()
        for number in range(STARTED_MAX):
            add(found, number)
        assert found.followed("", passes_over=False).unfollowed == ()
        add(found, STARTED_MAX)
        assert found.followed("", passes_over=False).unfollowed == (Unfollowed(TOO_MANY),)


def test_what_a_script_starts_of_a_distributions_takes_no_room():
    found = Gathered()
    for number in range(PLAIN_MAX + 5):
        found.start(Started("/usr/bin/sed", (str(number),), {}, "/", "/opt/x"), plain=True)
    assert len(found.followed("", passes_over=False).started) == PLAIN_MAX
    assert not found.is_full
