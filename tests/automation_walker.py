"""Walks an Automation document of SSM as the service would: five actions, and an error for any other.

EC2 is a client of botocore, so what a step asks for is held to the API's model. Run Command is whoever runs the script. Time
does not pass: a wait looks a few times, and between two looks `settle` is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jmespath
from botocore import xform_name
from botocore.client import BaseClient
from botocore.exceptions import ClientError

LOOKS = 3
STEPS_MAX = 100
_VARIABLE = re.compile(r"\{\{ *([\w.:]+) *\}\}")
# As SSM lists them for all actions.
PROPERTIES = frozenset(
    ("name", "action", "inputs", "outputs", "nextStep", "isEnd", "isCritical", "onFailure", "onCancel", "maxAttempts")
) | {"timeoutSeconds"}
TYPES = {"String": str, "Integer": int, "Boolean": bool}
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda value, other: value == other,
    "Contains": lambda value, other: other in value,
    "StartsWith": lambda value, other: value.startswith(other),
}


class Unknown(Exception):
    """The document has what this walker, and perhaps SSM, does not know."""


class StepFailed(Exception):
    """Why a step failed."""


@dataclass
class Walk:
    """What came of it: the names of the steps in their order, what each gave, and the status of the whole."""

    steps: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    status: str = "Success"
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def end(self) -> str:
        return self.steps[-1]


@dataclass
class Walker:
    """`clients` by their service; `run_command` takes a script and gives its exit code and output. Where an answer lacks what an
    output selects, the step fails, or else the one that uses the output: `missing_fails`. Somebody cancels the execution while
    `cancelled_at` is under way.
    """

    document: Mapping[str, Any]
    clients: Mapping[str, BaseClient]
    run_command: Callable[[str], tuple[int, str]]
    approved: Callable[[], bool] = lambda: True
    settle: Callable[[], None] = lambda: None
    called: Callable[[str, Mapping[str, Any]], None] = lambda api, inputs: None
    missing_fails: bool = True
    cancelled_at: str = ""

    def walk(self, execution_id: str = "e-1", **parameters: Any) -> Walk:
        walk = Walk()
        walk.outputs = {name: self._parameter(name, parameters) for name in self.document["parameters"]}
        walk.outputs["automation:EXECUTION_ID"] = execution_id
        steps = {step["name"]: step for step in self.document["mainSteps"]}
        after = dict(zip(steps, [*list(steps)[1:], None], strict=True))
        name: str | None = next(iter(steps))
        while name is not None:
            step = steps[name]
            walk.steps.append(name)
            assert len(walk.steps) < STEPS_MAX
            if name == self.cancelled_at:
                walk.status, name = "Cancelled", self._named_step(step.get("onCancel", "Abort"))
                continue
            try:
                chosen = self._step(step, walk)
            except StepFailed as why:
                walk.failures[name] = str(why)
                name = self._after_failure(step, walk)
                continue
            name = None if step.get("isEnd") else chosen or step.get("nextStep") or after[name]
        return walk

    def _parameter(self, name: str, given: Mapping[str, Any]) -> Any:
        declared = self.document["parameters"][name]
        value = given.get(name, declared.get("default"))
        assert value is not None, name
        if "allowedValues" in declared:
            assert value in declared["allowedValues"]
        if "allowedPattern" in declared:
            assert re.search(declared["allowedPattern"], value)
        return value

    def _after_failure(self, step: Mapping[str, Any], walk: Walk) -> str | None:
        said = step.get("onFailure", "Abort")
        if step.get("isCritical", True) and walk.status == "Success":
            walk.status = "Failed"
        name = self._named_step(said)
        return None if step.get("isEnd") else name

    def _named_step(self, said: str) -> str | None:
        if said == "Abort":
            return None
        kind, _, name = said.partition(":")
        if kind != "step":
            raise Unknown(said)
        return name

    def _step(self, step: Mapping[str, Any], walk: Walk) -> str | None:
        actions = {
            "aws:runCommand": self._run_command,
            "aws:executeAwsApi": self._execute,
            "aws:waitForAwsResourceProperty": self._wait,
            "aws:branch": self._branch,
            "aws:approve": self._approve,
        }
        if step["action"] not in actions:
            raise Unknown(step["action"])
        if not set(step) <= PROPERTIES:
            raise Unknown(", ".join(set(step) - PROPERTIES))
        return actions[step["action"]](step, walk)

    def _run_command(self, step: Mapping[str, Any], walk: Walk) -> None:
        inputs = self._put_in(step["inputs"], walk)
        if inputs["DocumentName"] != "AWS-RunShellScript":
            raise Unknown(inputs["DocumentName"])
        assert inputs["InstanceIds"] == [walk.outputs["InstanceId"]]
        code, said = self.run_command("\n".join(inputs["Parameters"]["commands"]))
        walk.outputs |= {f"{step['name']}.Output": said[:2500], f"{step['name']}.ResponseCode": code}
        if code:
            raise StepFailed(f"exit code {code}: {said}")

    def _execute(self, step: Mapping[str, Any], walk: Walk) -> None:
        answer = self._call(self._put_in(step["inputs"], walk))
        for output in step.get("outputs", ()):
            value = jmespath.search(output["Selector"].removeprefix("$."), answer)
            if value is None and not self.missing_fails:
                continue
            if value is None:
                raise StepFailed(f"{output['Selector']} is not in the answer")
            assert isinstance(value, TYPES[output["Type"]])
            walk.outputs[f"{step['name']}.{output['Name']}"] = value

    def _call(self, inputs: dict[str, Any]) -> Mapping[str, Any]:
        inputs = dict(inputs)
        service, api = inputs.pop("Service"), inputs.pop("Api")
        try:
            answer: Mapping[str, Any] = getattr(self.clients[service], xform_name(api))(**inputs)
        except ClientError as error:
            raise StepFailed(str(error)) from None
        self.called(api, inputs)
        return answer

    def _wait(self, step: Mapping[str, Any], walk: Walk) -> None:
        assert step["timeoutSeconds"]
        inputs = self._put_in(step["inputs"], walk)
        selector, wanted = inputs.pop("PropertySelector"), inputs.pop("DesiredValues")
        for _ in range(LOOKS):
            if jmespath.search(selector.removeprefix("$."), self._call(inputs)) in wanted:
                return
            self.settle()
        raise StepFailed("the time is over")

    def _approve(self, step: Mapping[str, Any], walk: Walk) -> None:
        inputs = self._put_in(step["inputs"], walk)
        assert inputs["Approvers"] and inputs["MinRequiredApprovals"] == 1
        if not self.approved():
            raise StepFailed("denied")

    def _branch(self, step: Mapping[str, Any], walk: Walk) -> str | None:
        for choice in step["inputs"]["Choices"]:
            if self._is_true({name: value for name, value in choice.items() if name != "NextStep"}, walk):
                return str(choice["NextStep"])
        return step["inputs"].get("Default")

    def _is_true(self, said: Mapping[str, Any], walk: Walk) -> bool:
        if set(said) == {"And"}:
            return all(self._is_true(each, walk) for each in said["And"])
        if set(said) == {"Not"}:
            return not self._is_true(said["Not"], walk)
        (operator,) = set(said) - {"Variable"}
        if operator not in OPERATORS:
            raise Unknown(operator)
        return OPERATORS[operator](self._put_in(said["Variable"], walk), said[operator])

    def _put_in(self, value: Any, walk: Walk) -> Any:
        if isinstance(value, dict):
            return {name: self._put_in(each, walk) for name, each in value.items()}
        if isinstance(value, list):
            return [self._put_in(each, walk) for each in value]
        if not isinstance(value, str):
            return value
        if whole := _VARIABLE.fullmatch(value):
            return self._value(whole[1], walk)
        return _VARIABLE.sub(lambda found: str(self._value(found[1], walk)), value)

    def _value(self, name: str, walk: Walk) -> Any:
        if name not in walk.outputs:
            raise StepFailed(f"{name} cannot be resolved")
        return walk.outputs[name]
