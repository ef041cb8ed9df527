"""A CloudFormation template as CloudFormation would see it: with parameters put in and conditions decided.

Only the functions that the project's templates use; any other is an error.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TEMPLATES = Path(__file__).parents[1] / "packaging" / "cloudformation"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "imds-probe",
}
_NO_VALUE = object()


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: !Ref X is {"Ref": X}, !Sub X is {"Fn::Sub": X}."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


@cache
def _read(name: str | Path) -> tuple[str, dict[str, Any]]:
    """Once for all tests: a large one takes half a second."""
    body = (TEMPLATES / name).read_text()
    return body, yaml.load(body, _Loader)


class Template:
    """One of the templates, with `parameters` beside the defaults."""

    def __init__(self, name: str | Path, **parameters: str) -> None:
        self.body, self.source = _read(name)
        unknown = set(parameters) - set(self.source["Parameters"])
        assert not unknown, unknown
        self._values = PSEUDO | {
            key: str(parameters[key] if key in parameters else declared["Default"])
            for key, declared in self.source["Parameters"].items()
        }

    def resources(self, kind: str) -> dict[str, Any]:
        """Properties by logical name, of all resources of a type that are made."""
        return {
            name: self._resolved(resource.get("Properties", {}))
            for name, resource in self.source["Resources"].items()
            if resource["Type"] == kind and self._holds(resource.get("Condition"))
        }

    def _holds(self, condition: str | None) -> bool:
        return condition is None or self._resolved(self.source["Conditions"][condition])

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self._resolved, value) if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._called(name, argument)
        resolved = {key: self._resolved(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not _NO_VALUE}

    def _called(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return self._ref(argument)
            case "Fn::Sub":
                return self._substituted(argument)
            case "Fn::FindInMap":
                where, key, name = argument
                return self.source["Mappings"][where][key][name]
            case "Fn::If":
                return self._resolved(argument[1] if self._holds(argument[0]) else argument[2])
            case "Fn::Equals":
                return self._resolved(argument[0]) == self._resolved(argument[1])
            case "Fn::Not":
                return not self._resolved(argument[0])
        raise NotImplementedError(name)

    def _substituted(self, argument: Any) -> str:
        """${NAME} is a variable of the call, or what Ref gives; ${!NAME} is ${NAME} itself."""
        text, variables = argument if isinstance(argument, list) else (argument, {})
        known = {name: self._resolved(value) for name, value in variables.items()}

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            return str(known[name] if name in known else self._values.get(name) or self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", value, text)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self.source["Resources"]:  # its name where it has one, as for all that is referred to here
            properties = self._resolved(self.source["Resources"][name]["Properties"])
            return properties.get("Name") or properties.get("BucketName") or name
        value = self._values[name]
        match self.source["Parameters"].get(name, {}).get("Type"):
            case "Number":
                return float(value) if "." in value else int(value)
            case "CommaDelimitedList":
                return value.split(",")
        return value
