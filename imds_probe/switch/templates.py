"""Launch templates: a version cannot be changed, so a new one takes over all else of an old one, and who launches is told of it."""

from __future__ import annotations

import hashlib
import json
import re
import shlex

from imds_probe.dataclass import dataclass
from imds_probe.facts.control_plane import MetadataOptions, Template
from imds_probe.switch.options import for_next, members
from imds_probe.switch.step import Plan, word

MADE = "imds-probe-require-tokens"  # begins the description of the versions that these commands make
LATEST, DEFAULT = "$Latest", "$Default"
SOURCE = "SOURCE_VERSION"
# Of a name that is whoever's, what may stand in a shell's double quotes, in a query, and in a description of 255 characters.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}", re.ASCII)
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._+-]", re.ASCII)
OTHERS_ON_DEFAULT = (
    "The new version becomes the default one. Others that launch the default version of this template require "
    "tokens, too."
)
UNUSED = (
    "The rollback deletes the new version (delete-launch-template-versions). Leave that command out if anything else launches from "
    "the new version by then."
)
KEEP_SOURCE = "Note the value of SOURCE_VERSION: the rollback needs it."


@dataclass(frozen=True)
class NewVersion:
    """A version to be made of a template by `command`: `create` also leaves its number in `variable`, and `delete` removes it.
    `source` is the version that it is made from, as one word of a shell.
    """

    template: Template
    variable: str
    source: str
    command: str
    create: tuple[str, ...]
    delete: str
    region: str

    @property
    def source_is_looked_up(self) -> bool:
        """Whether `create` leaves the number of the source in a variable that the rollback needs."""
        return self.source.startswith('"$')

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever makes the version has to know: others may launch from the same template."""
        of_source = f"all that version {self.source} says" if self.source.isdecimal() else "all that its source says"
        return (
            *((KEEP_SOURCE.replace(SOURCE, self.source.strip('"$')),) if self.source_is_looked_up else ()),
            f"The new version becomes $Latest of the template. Others that launch $Latest take the new version, too, with "
            f"{of_source}, such as the AMI. Look for other users of $Latest first.",
            UNUSED,
        )

    @property
    def number(self) -> str:
        return f'"${self.variable}"'

    @property
    def make_default(self) -> str:
        return self._default(self.number)

    @property
    def default_as_before(self) -> str:
        return self._default(self.source)

    def look_up(self, variable: str) -> str:
        """The command that prints the number of the version that the variable of a shell names."""
        return _looked_up(f"{self.region} {_named(self.template)}", f'"${variable}"')

    def _default(self, version: str) -> str:
        return f"aws ec2 modify-launch-template{self.region} {_named(self.template)} --default-version {version}"

    @property
    def specification(self) -> str:
        """The template without a version, in the AWS CLI's shorthand."""
        if self.template.launch_template_id or not self.template.launch_template_name:
            return f"LaunchTemplateId={word(self.template.launch_template_id, 'LAUNCH_TEMPLATE_ID')}"
        return f"LaunchTemplateName={word(self.template.launch_template_name, '')}"


def new_version(template: Template, plan: Plan, launcher: str | None = None, place: int = 1) -> NewVersion:
    """The description tells the rollback which version to remove, whoever runs it and when: others may have made a version of the
    same source. It names `launcher`, of launched_by, or else the instance. `place` is that among several templates, from 1.
    """
    named, after = _named(template), "" if place == 1 else f"_{place}"
    source, look = _source(template, f"{SOURCE}{after}", f"{plan.region} {named}")
    launcher = launcher or launched_by(plan.instance.instance_id if plan.instance else None, "INSTANCE_ID")
    source_said = source.strip('"')
    description = f"{MADE}-from-{source_said}-for-{launcher}" + after.replace("_", "-")
    # In double quotes, as it may have variables. Of several, only the newest: the others are of steps before.
    query = f"sort_by(LaunchTemplateVersions[?VersionDescription=='{description}'], &VersionNumber)[-1:].VersionNumber"
    command = (
        f"aws ec2 create-launch-template-version{plan.region} {named} --source-version {source}"
        f' --version-description "{description}" --launch-template-data {data(options_for(template, plan))}'
    )
    number = f"VERSION{after}=$({command} --query LaunchTemplateVersion.VersionNumber --output text)"
    return NewVersion(
        template,
        f"VERSION{after}",
        source,
        command=command,
        create=(*look, number),
        delete=(
            f"aws ec2 delete-launch-template-versions{plan.region} {named} --versions $(aws ec2"
            f' describe-launch-template-versions{plan.region} {named} --query "{query}" --output text)'
        ),
        region=plan.region,
    )


def launched_by(name: str | None, variable: str) -> str:
    """What launches from a version, in its description: the name as far as it is plain, and a digest where it is not; where it is
    not known, the variable of a shell that stands for it.
    """
    if not name:
        return f"${variable}"
    if _PLAIN.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{_NOT_PLAIN.sub('_', name)[:64]}-{digest}"


def _source(template: Template, variable: str, named: str) -> tuple[str, tuple[str, ...]]:
    """The version to make a new one from, as one word of a shell, and the commands that find it out."""
    if template.version is not None:
        return str(template.version), ()
    if template.version_named and template.version_named.isdecimal():
        return template.version_named, ()
    if not template.launch_template_id and not template.launch_template_name:
        return f'"${variable}"', ()
    look = _looked_up(named, shlex.quote(template.version_named or DEFAULT))
    return f'"${variable}"', (f"{variable}=$({look})",)


def _looked_up(named: str, version: str) -> str:
    return (
        f"aws ec2 describe-launch-template-versions{named} --versions {version}"
        " --query 'LaunchTemplateVersions[0].VersionNumber' --output text"
    )


def options_for(template: Template, plan: Plan) -> MetadataOptions:
    """What the new version says. All that is known is named, as EC2 may take the options of the source over as a whole or not at
    all.
    """
    return for_next(template.options, plan.after)


def data(options: MetadataOptions) -> str:
    """The launch template's data, one word of a shell."""
    return shlex.quote(json.dumps({"MetadataOptions": members(options)}))


def is_done(options: MetadataOptions | None, plan: Plan) -> bool:
    """Whether a template or configuration says already what the switch needs."""
    if options is None or options.http_tokens != "required":
        return False
    wanted = plan.after.http_put_response_hop_limit or 1
    return wanted <= (options.http_put_response_hop_limit or 1)


def _named(template: Template) -> str:
    if template.launch_template_id or not template.launch_template_name:
        return f"--launch-template-id {word(template.launch_template_id, 'LAUNCH_TEMPLATE_ID')}"
    return f"--launch-template-name {shlex.quote(template.launch_template_name)}"
