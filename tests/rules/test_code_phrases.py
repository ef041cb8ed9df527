from dataclasses import replace

from code_seen import AGENT, BACKUP, PACKED
from observed import FACTS, container, with_containers

from imds_probe.rules.code_phrases import LINES_MAX, count, detail, listed, matched, named, place_of, started

WEB = container("web")


def test_a_place_has_a_line_where_the_file_has_lines():
    assert (place_of(BACKUP), place_of(AGENT)) == ("/usr/local/bin/backup:7", "/opt/agent/agent")
    assert matched(BACKUP) == "/usr/local/bin/backup:7 has 169.254.169.254, latest/meta-data"


def test_a_name_says_in_which_system_it_is():
    facts = with_containers(WEB)
    inside = replace(AGENT, on_host=False, container_ids=(WEB.identity,))
    assert named(AGENT, facts) == "/opt/agent/agent"
    assert named(inside, facts) == "/opt/agent/agent in web"
    assert named(replace(inside, on_host=True), facts) == "/opt/agent/agent in the host, web"
    assert named(inside, FACTS) == f"/opt/agent/agent in container {WEB.identity[:12]}"
    assert named(replace(PACKED, on_host=False), facts) == "/opt/packed/bin/run in a chroot"
    entered = replace(PACKED, on_host=False, inside="/srv/x")
    assert named(entered, facts) == "/opt/packed/bin/run in the chroot /srv/x"
    assert named(replace(entered, inside="image x:1"), facts) == "/opt/packed/bin/run in image x:1"


def test_what_has_it_run_is_said_once():
    assert started(PACKED) == "running as process 77"
    # A program that could not be named is called by its process: once is enough, unless there are more of them.
    assert started(replace(PACKED, program="process 77", started_by=("a.service",))) == "started by a.service"
    assert started(replace(PACKED, program="process 77")) == ""
    assert started(replace(PACKED, program="process 77", pids=(77, 78))) == "running as processes 77, 78"
    assert started(replace(AGENT, pids=(1, 2, 3, 4, 5))) == "running as processes 1, 2, 3 and 2 more"
    both = replace(AGENT, started_by=("a.service", "b.timer"))
    assert started(both) == "running as processes 41, 42, started by a.service"
    assert not started(replace(AGENT, pids=()))


def test_a_detail_has_all_that_is_known():
    assert detail(replace(BACKUP, package="backup 1 (rpm)"), FACTS) == (
        "/usr/local/bin/backup:7 has 169.254.169.254, latest/meta-data, belongs to backup 1 (rpm), started by "
        "/etc/cron.d/backup, daily"
    )
    assert detail(replace(AGENT, pids=()), FACTS) == matched(AGENT)


def test_lists_are_bounded_and_things_counted():
    lines = [str(number) for number in range(LINES_MAX + 2)]
    assert listed(lines[:LINES_MAX]) == tuple(lines[:LINES_MAX])
    assert listed(lines) == (*lines[:LINES_MAX], "and 2 more")
    assert (count(1, "file"), count(2, "file")) == ("1 file", "2 files")
