"""The task definition for ECS: held to AWS's model of the call, and to the DaemonSet, which is tried by a real engine."""

from __future__ import annotations

import json
import re
from pathlib import Path

import botocore.session
import yaml
from botocore.validate import ParamValidator

PLACE = Path(__file__).parents[2] / "packaging/container"
DEFINITION = json.loads((PLACE / "ecs-task-definition.json").read_text())
(CONTAINER,) = DEFINITION["containerDefinitions"]
_, DAEMON_SET = yaml.safe_load_all((PLACE / "daemonset.yaml").read_text())
POD = DAEMON_SET["spec"]["template"]["spec"]
(OF_KUBERNETES,) = POD["containers"]
DOCS = (PLACE.parents[1] / "docs/install.md").read_text()


def troubles(definition):
    model = botocore.session.Session().get_service_model("ecs").operation_model("RegisterTaskDefinition")
    return ParamValidator().validate(definition, model.input_shape).generate_report()


def test_aws_takes_it():
    assert troubles(DEFINITION) == ""


def test_it_would_notice_a_mistake():
    assert "readOnlyRootFilesystem" in troubles(
        json.loads(json.dumps(DEFINITION).replace("readonlyRootFilesystem", "readOnlyRootFilesystem"))
    )


def test_aws_registers_it(aws):
    registered = aws.client("ecs").register_task_definition(**DEFINITION)["taskDefinition"]
    assert (registered["family"], registered["networkMode"], registered["pidMode"]) == ("imds-probe", "host", "host")


def test_it_has_what_the_daemon_set_has_and_no_more():
    security = OF_KUBERNETES["securityContext"]
    assert CONTAINER["linuxParameters"] == {"capabilities": security["capabilities"]}
    assert CONTAINER["command"] == OF_KUBERNETES["args"]
    assert CONTAINER["image"] == OF_KUBERNETES["image"]
    assert CONTAINER["user"] == f"{security['runAsUser']}:{security['runAsGroup']}"
    assert (CONTAINER["privileged"], CONTAINER["readonlyRootFilesystem"]) == (False, security["readOnlyRootFilesystem"])
    assert CONTAINER["dockerSecurityOptions"] == ["no-new-privileges"]
    assert (DEFINITION["pidMode"], DEFINITION["networkMode"]) == ("host", "host")
    assert "ipcMode" not in DEFINITION
    assert CONTAINER["stopTimeout"] == POD["terminationGracePeriodSeconds"]
    resources = OF_KUBERNETES["resources"]
    assert (f"{CONTAINER['memory']}M", f"{CONTAINER['memoryReservation']}Mi") == (
        resources["limits"]["memory"],
        resources["requests"]["memory"],
    )
    assert not {"portMappings", "secrets", "environment"} & set(CONTAINER)
    assert not {"taskRoleArn", "executionRoleArn"} & set(DEFINITION)


def test_its_mounts_are_those_of_the_daemon_set():
    mounts = {(each["sourceVolume"], each["containerPath"], each["readOnly"]) for each in CONTAINER["mountPoints"]}
    assert mounts == {
        (each["name"], each["mountPath"], each.get("readOnly", False)) for each in OF_KUBERNETES["volumeMounts"]
    }
    places = {each["name"]: each["host"].get("sourcePath") for each in DEFINITION["volumes"]}
    of_kubernetes = {each["name"]: each["hostPath"]["path"] for each in POD["volumes"] if "hostPath" in each}
    # What has no place on the host is the task's own, and goes with it. Settings are files of the host there.
    assert places == {**of_kubernetes, "tmp": None, "settings": "/etc/imds-probe/imds-probe.d"}


def test_the_lines_of_the_page_name_what_there_is():
    (section,) = re.findall(r"## On ECS\n(.*?)(?=\n## )", DOCS, re.DOTALL)
    for path in re.findall(r"file://(\S+)", section):
        assert (PLACE.parents[1] / path).exists()
    assert "--scheduling-strategy DAEMON" in section
    assert f"--task-definition {DEFINITION['family']}" in section
