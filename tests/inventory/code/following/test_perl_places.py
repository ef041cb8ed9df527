"""Directories that Perl code adds to @INC."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following.perl_places import ELSEWHERE, HERE, added_by

BESIDE = [HERE]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("use lib '/opt/m';", ["/opt/m"]),
        ("use lib qw(/opt/m /opt/n);", ["/opt/m", "/opt/n"]),
        ("use lib ('/opt/m', \"/opt/n\");", ["/opt/m", "/opt/n"]),
        ("BEGIN { push @INC, '/opt/m'; }", ["/opt/m"]),
        ('BEGIN { unshift(@INC, "/opt/m", "/opt/n") }\nuse X "y";', ["/opt/m", "/opt/n"]),
        ("@INC = ('/opt/m', @INC);", ["/opt/m"]),
        ("push @INC, '/opt/m' if -d '/opt/n';", ["/opt/m"]),
        ("use lib dirname(__FILE__);", BESIDE),
        ("use lib dirname(abs_path($0));", BESIDE),
        ("use lib File::Basename::dirname(Cwd::realpath(__FILE__)) . '/../lib';", [f"{HERE}/../lib"]),
        ("use lib dirname(dirname(abs_path($0))) . '/lib';", [f"{HERE}/../lib"]),
        ("use lib catdir(dirname(__FILE__), '..', 'lib');", [f"{HERE}/../lib"]),
        ("use lib File::Spec->catdir($FindBin::Bin, 'lib');", [f"{HERE}/lib"]),
        ('use FindBin qw($Bin);\nuse lib "$Bin/../lib", "$FindBin::RealBin";', [f"{HERE}/../lib", HERE]),
        ("BEGIN\n{\n my $d = &File::Basename::dirname($0);\n push @INC, $d;\n}", BESIDE),
        ('my $d = dirname(__FILE__);\nmy $l = "$d/lib";\nunshift @INC, "$l/perl";', [f"{HERE}/lib/perl"]),
        ("my ($d) = $0 =~ m#^(.*)/#;\npush @INC, $d;", BESIDE),
        ("push @INC, substr($0, 0, rindex($0, '/'));", BESIDE),
        ("use Cwd;\nuse lib getcwd();", ["."]),
        ("use lib $ENV{APP_HOME} . '/lib';", ["{variable}APP_HOME|/lib"]),
        ('use lib "$ENV{APP_HOME}/lib";', ["{variable}APP_HOME|/lib"]),
        ("use lib $ENV{APP} || '/opt/m';", ["{variable}APP?|", "/opt/m"]),
        ("push @INC, find_it();", [ELSEWHERE]),
        ('push @INC, "$x/lib";', [ELSEWHERE]),
        ("my $x = <STDIN>; push @INC, $x || '/opt/m';", ["/opt/m"]),
        ("unshift @INC, sub { 1 };", [ELSEWHERE]),
        ("my $a = $b; my $b = $a; push @INC, $a;", [ELSEWHERE]),
        ('print "@INC"; foreach (@INC) { print }', []),
        ("use liberty 'x'; $lib = '/opt/m'; push @INCLUDED, '/opt/m';", []),
        ("use lib;", []),
    ],
)
def test_what_is_added(text: str, expected: list[str]) -> None:
    assert added_by(text.encode()) == expected


@pytest.mark.parametrize(
    ("added", "variables", "loads", "cut_short"),
    [
        ("BEGIN { push @INC, dirname($0) }", {}, True, ""),
        ("use lib $ENV{OWN};", {"OWN": "/opt/m"}, True, ""),
        ("use lib $ENV{OWN} || '/opt/m';", {}, True, ""),
        ("use lib $ENV{OWN};", {}, False, unread.BY_NAME),
        ("push @INC, looked_up();", {}, False, unread.BY_NAME),
        ("use lib '/opt/none';", {}, False, ""),
    ],
)
def test_a_module_that_lies_there(
    tmp_path: Path, added: str, variables: dict[str, str], loads: bool, cut_short: str
) -> None:
    """One that lies nowhere may lie in a place that only running tells."""
    script = f"#!/usr/bin/perl\nuse strict;\n{added}\nuse Client;\n"
    there = {"/usr/bin/perl": "", "/opt/m/run": script, "/opt/m/Client.pm": "1;"}
    found = Root(tmp_path).put(there).follow("perl", "/opt/m/run", environment=variables)
    assert ("/opt/m/Client.pm" in [load.path for load in found.files]) == loads
    assert found.cut_short == cut_short


def test_a_program_of_the_distribution_does_without_what_is_not_there(tmp_path: Path) -> None:
    script = "#!/usr/bin/perl\nuse strict;\npush @INC, looked_up();\nuse Local;\neval { require ImVirt; };\n"
    of_it = "package Local;\n@INC = grep { $_ ne '.' } @INC;\n@INC = (looked_up(), @INC);\n1;\n"
    there = {"/usr/bin/perl": "", "/usr/share/perl5/Local.pm": of_it, "/usr/sbin/run": script, "/opt/run": script}
    root = Root(tmp_path).put(there)
    assert root.follow("perl", "/usr/sbin/run").cut_short == ""
    assert root.follow("perl", "/opt/run").cut_short == unread.BY_NAME


def test_a_place_that_only_running_tells_is_no_matter_where_everything_was_found(tmp_path: Path) -> None:
    script = "#!/usr/bin/perl\nuse strict;\nuse lib find_it();\nuse lib '/opt/m';\nuse Client;\n"
    there = {"/usr/bin/perl": "", "/opt/run": script, "/opt/m/Client.pm": "1;"}
    found = Root(tmp_path).put(there).follow("perl", "/opt/run")
    assert [load.path for load in found.files] == ["/opt/run", "/opt/m/Client.pm"]
    assert found.cut_short == ""


def test_code_of_an_option_adds_places_too(tmp_path: Path) -> None:
    root = Root(tmp_path).put({"/usr/bin/perl": "", "/opt/m/Client.pm": "1;"})
    found = root.follow("perl", "-e", "use lib '/opt/m'; use Client;")
    assert [load.path for load in found.files] == ["/opt/m/Client.pm"]


def test_files_that_are_named_by_a_variable(tmp_path: Path) -> None:
    script = (
        'my $dir = dirname(__FILE__);\nrequire "$dir/common.pl";\ndo "$x/none.pl";\nour $y = \'/srv\';\ndo "$y/b.pl";\n'
    )
    there = {
        "/usr/bin/perl": "",
        "/opt/m/run": f"#!/usr/bin/perl\n{script}",
        "/opt/m/common.pl": "1;",
        "/srv/b.pl": "1;",
    }
    found = Root(tmp_path).put(there).follow("perl", "/opt/m/run")
    assert [load.path for load in found.files] == ["/opt/m/run", "/opt/m/common.pl", "/srv/b.pl"]
