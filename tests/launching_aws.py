"""What moto lacks of launching instances, added to its server, which imports this: a version of a launch template takes over its
source, versions are removed, an instance of a group has the metadata options of what it is launched from, and an account has
defaults for them. As the EC2 API Reference has it.
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling.models import FakeAutoScalingGroup
from moto.core.responses import ActionResult
from moto.ec2.models.instances import MetadataOptions
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion
from moto.ec2.responses import EC2Response
from moto.ec2.responses.launch_templates import LaunchTemplates

_create, _launch = (
    LaunchTemplates.create_launch_template_version,
    FakeAutoScalingGroup.replace_autoscaling_group_instances,
)


def _template(response: Any) -> LaunchTemplate:
    name, template_id = response._get_param("LaunchTemplateName"), response._get_param("LaunchTemplateId")
    backend = response.ec2_backend
    return backend.get_launch_template_by_name(name) if name else backend.get_launch_template(template_id)


def create_version(self: Any) -> ActionResult:
    """Members of the data replace those of the source as a whole: what EC2 does inside of one is nowhere said, and the worst is
    that nothing of it is kept.
    """
    source = self._get_param("SourceVersion")
    before = _template(self).get_version(source).data if source else {}
    made = _create(self)
    version = _template(self).latest_version()
    version.data = {**before, **version.data}
    made.result["LaunchTemplateVersion"]["LaunchTemplateData"] = version.data
    return made


def delete_versions(self: Any) -> ActionResult:
    template, removed = _template(self), [int(each) for each in self._get_param("Versions", [])]
    if template.default_version_number in removed:
        raise ValueError("EC2 does not delete the default version")
    assert set(removed) <= {each.number for each in template.versions}
    template.versions = [each for each in template.versions if each.number not in removed]
    return ActionResult({"SuccessfullyDeletedLaunchTemplateVersions": [{"VersionNumber": each} for each in removed]})


def get_version(self: LaunchTemplate, number: Any) -> LaunchTemplateVersion:
    named = {"$latest": self.versions[-1].number, "$default": self.default_version_number}
    wanted = int(named.get(str(number).lower(), number))
    return next(each for each in self.versions if each.number == wanted)


def launch(self: Any, count_needed: int, propagated_tags: dict[str, str]) -> None:
    """Moto launches by the first override, as for the strategy "prioritized"."""
    before = len(self.instance_states)
    _launch(self, count_needed, propagated_tags)
    options = (self.launch_config.metadata_options or {}) if self.launch_config else {}
    if self.ec2_launch_template:
        template, version = self.ec2_launch_template, self.launch_template_version
        overrides = ((self.mixed_instances_policy or {}).get("LaunchTemplate") or {}).get("Overrides") or [{}]
        if own := overrides[0].get("LaunchTemplateSpecification"):
            template = self.ec2_backend.get_launch_template(own["LaunchTemplateId"])
            version = own.get("Version") or "$Default"
        options = template.get_version(version).data.get("MetadataOptions", {})
    for state in self.instance_states[before:]:
        state.instance.metadata_options = MetadataOptions(options)


def get_defaults(self: Any) -> ActionResult:
    return ActionResult({"AccountLevel": vars(self.ec2_backend).get("metadata_defaults", {})})


def modify_defaults(self: Any) -> ActionResult:
    defaults = vars(self.ec2_backend).setdefault("metadata_defaults", {})
    for name in ("HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint", "InstanceMetadataTags", "HttpTokensEnforced"):
        value = self._get_param(name)
        if value == "no-preference":
            defaults.pop(name, None)
        elif value is not None:
            defaults[name] = value
    return ActionResult({"Return": True})


LaunchTemplates.create_launch_template_version = create_version
LaunchTemplates.delete_launch_template_versions = delete_versions
LaunchTemplate.get_version = get_version
LaunchTemplate.default_version = lambda self: self.get_version("$Default")
FakeAutoScalingGroup.replace_autoscaling_group_instances = launch
EC2Response.get_instance_metadata_defaults = get_defaults
EC2Response.modify_instance_metadata_defaults = modify_defaults
