from __future__ import annotations

import pytest

from imds_probe.inventory.code.following.command_words import CALLS_MAX
from imds_probe.inventory.code.following.script_commands import NODE, PERL, PHP, RUBY, Starting, commands_in

AWS, X = [("aws", "s3", "ls")], [("{here}/x.sh",)]


@pytest.mark.parametrize(
    ("starting", "text", "commands"),
    [
        (PERL, 'system("aws", "s3", "ls");', AWS),
        (PERL, 'system "aws s3 ls" or die;', AWS),
        (PERL, "my @c = qw(aws s3 ls); system(@c) == 0 or die;", AWS),
        (PERL, "exec 'aws', 's3', 'ls';", AWS),
        (PERL, "my $id = `aws s3 ls`; chomp($id);", AWS),
        (PERL, "my $id = qx{aws s3 ls};", AWS),
        (PERL, 'open(my $f, "-|", "aws", "s3", "ls") or die;', AWS),
        (PERL, 'open(F, "aws s3 ls |");', AWS),
        (PERL, 'open(F, "| aws s3 ls");', AWS),
        (PERL, "my $out = capture('aws s3 ls');", AWS),
        (PERL, 'use FindBin;\nsystem("$FindBin::Bin/x.sh");', X),
        (PERL, 'my $d = dirname(abs_path($0));\nsystem("$d/x.sh");', X),
        (PERL, "system(dirname($0) . '/x.sh');", X),
        (PERL, "my $cmd = '/opt/x';\nsystem($cmd, '-a');", [("/opt/x", "-a")]),
        (PERL, 'my $a = "$b"; my $b = "$a";\nsystem("$a/x");', []),
        (PERL, "system($cmd); $h->system('aws'); $exec = 'aws'; print 'a `aws s3 ls` b';", []),
        (RUBY, 'system("aws", "s3", "ls")', AWS),
        (RUBY, "ok = system 'aws s3 ls'", AWS),
        (RUBY, "id = `aws s3 ls`.strip", AWS),
        (RUBY, "id = %x(aws s3 ls)", AWS),
        (RUBY, 'spawn({"A" => "b"}, "aws", "s3", "ls")', AWS),
        (RUBY, "out, status = Open3.capture2e('aws', 's3', 'ls')", AWS),
        (RUBY, "IO.popen(%w[aws s3 ls]) { |io| io.read }", AWS),
        (RUBY, 'system("#{__dir__}/x.sh")', X),
        (RUBY, "system File.expand_path('../x.sh', __FILE__)", X),
        (RUBY, "system(File.join(File.dirname(__FILE__), 'x.sh'))", X),
        (RUBY, "HERE = File.expand_path(__dir__)\n`#{HERE}/x.sh`", X),
        (RUBY, "TOOL = '/opt/x'\nsystem(\"#{TOOL} #{arg}\")", [("/opt/x", "$_")]),
        (RUBY, "task :tag do\n  sh 'aws s3 ls'\nend", AWS),
        (RUBY, "task(:tag) { sh('aws', 's3', 'ls') }", AWS),
        (RUBY, "task :tag do\n  sh %w[aws s3 ls] do |ok, _| end\nend", AWS),
        (RUBY, "sh = 'aws s3 ls'; x.sh 'aws'; push 'aws'; csh ['aws']; sh 1; {sh: 'aws'}", []),
        (RUBY, 'redis.exec(\'aws\'); spawn :x; sql = "SELECT `aws`.`id`"; system("#{cmd} x")', []),
        (PHP, '<?php exec("aws s3 ls", $out, $status);', AWS),
        (PHP, "<?php $id = shell_exec('aws s3 ls 2>&1');", AWS),
        (PHP, "<?php $id = `aws s3 ls`;", AWS),
        (PHP, "<?php \\passthru('aws s3 ls');", AWS),
        (PHP, "<?php $p = proc_open(['aws', 's3', 'ls'], $d, $pipes);", AWS),
        (PHP, "<?php $h = popen('aws s3 ls', 'r');", AWS),
        (PHP, "<?php $p = new Process(['aws', 's3', 'ls']);", AWS),
        (PHP, "<?php $p = new \\Symfony\\Component\\Process\\Process(['aws', 's3', 'ls']);", AWS),
        (PHP, "<?php Process::run('aws s3 ls');", AWS),
        (PHP, "<?php exec(__DIR__ . '/x.sh');", X),
        (PHP, "<?php exec(escapeshellcmd(dirname(__FILE__) . '/x.sh'));", X),
        (PHP, "<?php exec(dirname(__DIR__) . '/x.sh');", [("{here}/../x.sh",)]),
        (PHP, "<?php $tool = '/opt/x';\nexec(\"$tool -a {$b}\");", [("/opt/x", "-a", "$_")]),
        (PHP, "<?php exec('aws s3 ls ' . escapeshellarg($b));", [("aws", "s3", "ls", "$_")]),
        (PHP, "<?php $db->exec('aws'); curl_exec($c); $q = \"SELECT `aws` FROM `id`\"; exec($x);", []),
        (NODE, "const {exec} = require('child_process'); exec('aws s3 ls', (e) => {});", AWS),
        (NODE, "require('child_process').execFileSync('aws', ['s3', 'ls'], {cwd: '/x'});", AWS),
        (NODE, "import cp from 'node:child_process'; cp.spawn(\n  'aws',\n  ['s3', 'ls'],\n);", AWS),
        (NODE, "// child_process\nconst out = execSync(`aws s3 ls`);", AWS),
        (NODE, "import {$} from 'zx'; await $`aws s3 ls`;", AWS),
        (NODE, "/* child_process */ execFile(path.join(__dirname, 'x.sh'));", X),
        (NODE, "/* child_process */ exec(`${__dirname}/x.sh`);", X),
        (NODE, "/* child_process */\nconst tool = '/opt/x';\nexec(`${tool} -a ${b}`);", [("/opt/x", "-a", "$_")]),
        (NODE, "/aws/.exec('aws s3 ls')", []),
        (NODE, "/* child_process */ exec(command); spawn(tool, ['aws']);", []),
    ],
)
def test_programs_that_are_started(starting: Starting, text: str, commands: list[tuple[str, ...]]) -> None:
    assert list(commands_in(text.encode(), starting)) == commands


@pytest.mark.parametrize("starting", [PERL, RUBY, PHP])
def test_there_is_an_end_to_them(starting: Starting) -> None:
    assert len(list(commands_in(b'system("/x");\n' * 1000, starting))) == CALLS_MAX
