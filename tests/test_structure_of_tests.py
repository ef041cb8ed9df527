"""Tests stand beside their module, one to one: imds_probe/a/b.py has its own in tests/a/test_b.py."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "imds_probe"
# Modules and whole folders whose own tests stand elsewhere, or that have nothing to run, and why.
ELSEWHERE = {
    "rehearsal/leading.py": "what all of test_rehearsal.py is led by",
    "rehearsal/target.py": "what units and containers have in common",
    "rehearsal/telling.py": "by what test_unit.py and test_container.py have connections told",
    "rehearsal/crossing.py": "trials in networks, which tests/lab/test_host_rehearse.py has",
    "facts/": "values, which the tests of those compare with that find or judge them",
    "collect/callers_options.py": "values, which test_callers.py and others are given",
    "collect/code_facts.py": "what test_code.py has found",
    "collect/code_memory.py": "what test_code.py runs twice for, and damages",
    "collect/code_reading.py": "tasks, which test_code.py has worked on",
    "collect/package_reading.py": "a task, which test_package_search.py has worked on",
    "collect/program_reading.py": "tasks, which test_code.py and test_schedule_reading.py have worked on",
    "collect/code_readings.py": "imports, which test_readings.py looks at",
    "collect/code_tasks.py": "tasks, which test_code.py asks and test_readings.py finds",
    "collect/container_tasks.py": "tasks, which test_container_software.py asks",
    "collect/owner_tasks.py": "values, which test_owner_reading.py compares with",
    "collect/os_release.py": "what test_host.py has read",
    "collect/platform.py": "what the firmware says, which test_firmware.py has read, and an option: tests/lab",
    "collect/disk_tasks.py": "tasks, which test_disk_reading.py asks",
    "collect/named_reading.py": "a task, which test_disk_reading.py has worked on",
    "collect/named_tasks.py": "the same, which it asks for",
    "collect/package_tasks.py": "tasks, which test_package_search.py asks",
    "inventory/packages/wanted.py": "values, which test_own_files.py compares with",
    "inventory/schedules/commands/starters_known.py": "a table, whose programs test_starters.py has start others",
    "inventory/schedules/settings_known.py": "a table, which test_named_in_settings.py has looked at",
    "inventory/schedules/cloud_init_places.py": "paths, which test_cloud_init.py writes to",
    "collect/code_search.py": "what test_code.py and test_schedule_reading.py have searched",
    "collect/collector.py": "values by which collectors are declared: test_collectors.py holds every one to them",
    "collect/container_facts.py": "one join of what three collectors find: tests/lab/test_containers.py and test_observation.py",
    "collect/standing_reading.py": "a task, which test_standing.py has worked on",
    "collect/sdk_reading.py": "tasks, which test_sdks.py and test_sdk_search.py have worked on",
    "collect/sdk_tasks.py": "the same, which test_readings.py finds",
    "collect/context.py": "what every collector's tests are given, by tests/contexts.py",
    "commands/kept_reports.py": "what test_printed_switch.py keeps and has found",
    "switch/account.py": "a step: test_steps.py has them in order, and packaging/test_switch_on_aws.py made on moto",
    "switch/clusters.py": "steps of owners: test_owners.py, and test_steps.py for all of them",
    "switch/configurations.py": "a copy, which packaging/test_switch_on_aws.py has made",
    "switch/instance.py": "the same as account.py",
    "switch/role.py": "the same",
    "switch/services.py": "the same as clusters.py",
    "switch/step.py": "values, which every step is made of",
    "commands/report_output.py": "what test_run.py and test_streams.py have printed and kept",
    "collect/needs.py": "names of what collectors need of a host, to which doctor/test_checks.py holds them",
    "commands/options.py": "options of several commands, whose tests give them",
    "doctor/check.py": "values, which the tests of all checks compare with",
    "ecosystems/ansible_galaxy.py": "a declaration: test_ecosystems.py holds every one to what holds for all",
    "ecosystems/cpan.py": "the same",
    "ecosystems/crate.py": "the same",
    "ecosystems/image.py": "the same",
    "ecosystems/nuget.py": "the same",
    "ecosystems/listed.py": "the list, which test_ecosystems.py holds the folder to",
    "ecosystems/psgallery.py": "the same",
    "fleet/bounded.py": "what test_painting.py has counted and cut off",
    "fleet/counting.py": "the same",
    "fleet/inventory.py": "one of the forms that test_reading.py has read",
    "fleet/lean.py": "values, which test_reading.py has decoded",
    "fleet/picture.py": "values, which test_painting.py compares with",
    "fleet/delivered.py": "values, which test_trail.py compares with",
    "fleet/page_beside.py": "what test_page.py lays out",
    "fleet/room.py": "values, which test_page.py and test_html.py lay pages out by",
    "fleet/plan_page.py": "what test_page.py lays out",
    "fleet/problems.py": "what test_reading.py and test_gathering.py have named",
    "inventory/code/forms/form.py": "values, which every form is made of",
    "inventory/code/forms/compiled.py": "a declaration: the pieces of code in snippets/, which test_file.py has judged",
    "inventory/code/forms/context.py": "the same",
    "inventory/code/forms/denied.py": "the same",
    "inventory/code/forms/node.py": "the same",
    "inventory/code/forms/others.py": "the same",
    "inventory/code/forms/perl.py": "the same",
    "inventory/code/forms/php.py": "the same",
    "inventory/code/forms/prose.py": "the same",
    "inventory/code/forms/python.py": "the same",
    "inventory/code/forms/ruby.py": "the same",
    "inventory/code/forms/settings.py": "the same",
    "inventory/code/following/languages.py": "a list, whose members the tests of languages have programs followed in",
    "inventory/code/owned.py": "a value, which test_owning.py compares with",
    "inventory/code/spoken.py": "a value, which test_units.py compares with",
    "inventory/code/following/known.py": "values, which test_ground.py keeps, and changes files for",
    "inventory/code/following/language.py": "values by which languages are declared: their tests have programs followed",
    "inventory/code/following/loads.py": "values, which the tests of languages compare with",
    "inventory/packages/contents.py": "values, which test_contained.py compares with",
    "inventory/packages/managers.py": "the list, which test_packages.py holds the folder to",
    "inventory/schedules/starters.py": "names, by which test_schedule_reading.py has schedules looked for",
    "inventory/settings/looked.py": "values, by which collect/test_settings.py asks",
    "inventory/settings/reading.py": "the task that collect/test_settings.py asks",
    "inventory/sdks/recognised.py": "names, which test_recognisers.py holds to the recognisers",
    "inventory/sdks/libraries.py": "one dataclass, which each ecosystem's tests compare with",
    "reading/fork_server.py": "the processes of a reader, which test_reader.py has work, break and hang",
    "reading/forking.py": "the same",
    "reading/landlock.py": "what confining uses where it is: test_confinement.py",
    "reading/messages.py": "values, which test_reader.py has sent by all who send them",
    "reading/worker_messages.py": "the same as messages.py",
    "reading/opener.py": "the same as fork_server.py",
    "reading/parser.py": "the same",
    "reading/remote_files.py": "the same",
    "reading/workers.py": "the same",
    "reading/task.py": "values, by which test_reader.py asks",
    "system/door.py": "what test_rootfs.py, and reading/test_reader.py from another process, hold to the same",
    "system/local_files.py": "the same",
    "rules/cause.py": "a value, which the tests of each module that finds causes compare with",
    "rules/acceptance_kinds.py": "kinds and their words: test_rules.py and the findings that test_acceptance.py makes",
    "rules/callers_kinds.py": "kinds and their words: test_rules.py and the findings that test_callers.py makes",
    "rules/code_kinds.py": "kinds and their words: test_rules.py and the findings that test_code.py makes",
    "rules/containers_kinds.py": "kinds and their words: test_rules.py and the findings that test_containers.py makes",
    "rules/rehearsals_kinds.py": "kinds and their words: test_rules.py and the findings that test_rehearsals.py makes",
    "rules/switched_kinds.py": "the same, for test_switched.py",
    "rules/sdks_kinds.py": "the same, for test_sdks.py",
    "rules/software_kinds.py": "the same, for test_software.py",
    "render/lines.py": "what test_text.py has laid out, and fleet/test_page.py",
    "render/page/blocks.py": "values, which the pages' tests compare with",
    "service/daemon.py": "needs a lab to watch: tests/lab/test_daemon.py",
    "service/early.py": "the same",
}


def without_test() -> list[str]:
    modules = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if not path.stem.startswith("__")]
    return [str(path) for path in modules if not (TESTS / path.parent / f"test_{path.name}").exists()]


def excuse(module: str) -> str:
    """The entry of ELSEWHERE that it falls under, empty where none does."""
    return next((place for place in ELSEWHERE if module.startswith(place)), "")


def test_each_module_has_its_tests_beside_it() -> None:
    assert [module for module in without_test() if not excuse(module)] == []


def test_no_exception_outlives_its_reason() -> None:
    assert {excuse(module) for module in without_test()} == set(ELSEWHERE)


def test_no_test_stays_behind_where_its_folder_is_gone() -> None:
    ours = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    # Whole runs, the packages, what is in packaging/, clients, and the fuzzer's targets.
    of_no_module = {"lab", "install", "packaging", "truth", "fuzz"}
    assert {str(path) for path in ours if not (PACKAGE / path).is_dir() and path.parts[0] not in of_no_module} == set()
