from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code.following.perl import asked_by


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path).put({"/usr/bin/perl": "", "/usr/share/perl/5.36/HTTP/Tiny.pm": ""})


def test_modules_that_a_script_uses(root: Root) -> None:
    root.put(
        {
            "/opt/tool/bin/run": '#!/usr/bin/perl -w\nuse strict; use HTTP::Tiny;\nuse lib "$FindBin::Bin/../lib";\n'
            "use Own::Client qw(get);\nrequire VM::EC2;\ndo './settings.pl';\n__END__\nuse Not::This;\n",
            "/opt/tool/bin/settings.pl": "",
            "/opt/tool/lib/Own/Client.pm": "use parent -norequire, 'Own::Base';\n=pod\n\nuse Not::That;\n\n=cut\n",
            "/opt/tool/lib/Own/Base.pm": "",
            "/usr/share/perl5/VM/EC2.pm": "use VM::EC2::Instance::Metadata;",
            "/usr/share/perl5/VM/EC2/Instance/Metadata.pm": "",
        }
    )
    assert root.loaded("/opt/tool/bin/run") == {
        "/opt/tool/bin/run": None,
        "/opt/tool/lib/Own/Client.pm": None,
        "/opt/tool/lib/Own/Base.pm": None,
        "/opt/tool/bin/settings.pl": None,
        "/usr/share/perl5/VM/EC2.pm": "/usr/share/perl5/VM/EC2",
        "/usr/share/perl5/VM/EC2/Instance/Metadata.pm": "/usr/share/perl5/VM/EC2",
    }


def test_options_name_places_modules_and_text(root: Root) -> None:
    root.put({"/srv/lib/Mine.pm": "", "/srv/more/Yours.pm": ""})
    loads = root.follow("perl", "-I/srv/lib", "-MMine", "-e", "use Yours; get()", environment={"PERL5LIB": "/srv/more"})
    assert [load.path for load in loads.files] == ["/srv/lib/Mine.pm", "/srv/more/Yours.pm"]
    assert loads.texts[0].content == b"use Yours; get()"


def test_a_variable_could_be_any_module() -> None:
    assert asked_by(b"require $module;").dynamic
    assert not asked_by(b"# nothing\nuse 5.010;").dynamic


def test_files_beside_the_script_and_by_a_name_that_only_running_tells() -> None:
    assert asked_by(b"do dirname(__FILE__) . '/x.pl';").names == ("{here}/x.pl",)
    assert asked_by(b"do $file;").dynamic and not asked_by(b"do { $x };").dynamic


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("do $file;", True),
        ("my $settings = do($file);", True),
        ("$dbh->do($sql);", False),
        ("$dbh->do( $sql ) or die;", False),
        ("Task::do($task);", False),
    ],
)
def test_a_file_that_only_running_names_is_no_method_of_that_name(text: str, expected: bool) -> None:
    assert asked_by(text.encode()).dynamic is expected
