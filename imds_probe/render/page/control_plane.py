"""What the EC2 API says of this instance, of what launches the next one, and of the account."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.facts.control_plane import ControlPlane, MetadataOptions, Template
from imds_probe.render.page.blocks import Fields, Part
from imds_probe.render.page.bounds import NOT_KNOWN, Bounds, first
from imds_probe.report import Report

HEADING = "EC2 API"
_NOTHING = "nothing said"
_MANAGED_BY = {"account": "the account", "declarative-policy": "a declarative policy of the organization"}


def control_plane(report: Report, bounds: Bounds) -> Iterator[Part]:
    """Only where it was asked."""
    found = report.facts.get(ControlPlane)
    if found is None:
        return
    pending = ", not yet in force" if found.pending else ""
    rows = [("asked", found.asked_at), ("instance", f"{_options(found.instance)}{pending}")]
    if found.managed_by:
        rows.append(("managed by", found.managed_by))
    if found.launched_from is not None:
        rows.append(("launched from", _template(found.launched_from)))
    if found.configuration is not None:
        rows.append(
            (
                "launched from",
                f"launch configuration {found.configuration.name}: {_options(found.configuration.options)}",
            )
        )
    if found.group is not None:
        rows += _group(found, bounds)
    if found.image_imds_support is not None:
        rows.append(
            ("image", f"ImdsSupport {found.image_imds_support}" if found.image_imds_support else "no ImdsSupport")
        )
    if found.account is not None:
        rows.append(("account default", _options(found.account.options)))
        if found.account.http_tokens_enforced:
            by = _MANAGED_BY.get(found.account.managed_by or "", NOT_KNOWN)
            rows.append(("enforced", f"tokens cannot be made optional; set by {by}"))
    yield Part(HEADING, (Fields(tuple(rows)),))


def _group(found: ControlPlane, bounds: Bounds) -> Iterator[tuple[str, str]]:
    group = found.group
    assert group is not None  # noqa: S101 - asked for where there is one
    yield "Auto Scaling group", group.name
    if not group.is_described:
        yield "next instance", NOT_KNOWN
    if group.template is not None:
        yield "next instance", _template(group.template)
    if group.configuration is not None:
        yield (
            "next instance",
            f"launch configuration {group.configuration.name}: {_options(group.configuration.options)}",
        )
    shown, more = first(group.overrides, bounds.items)
    for each in shown:
        yield f"next {each.instance_type or 'of an override'}", _template(each.template)
    if more:
        yield "overrides", more


def _template(template: Template) -> str:
    name = template.launch_template_name or template.launch_template_id or NOT_KNOWN
    version = template.version if template.version is not None else template.version_named
    named = (
        f" ({template.version_named})" if (template.version_named or "").startswith("$") and template.version else ""
    )
    return f"launch template {name} version {version}{named}: {_options(template.options)}"


def _options(options: MetadataOptions | None) -> str:
    if options is None:
        return NOT_KNOWN
    said = (
        f"tokens {options.http_tokens}" if options.http_tokens else "",
        f"hop limit {options.http_put_response_hop_limit}" if options.http_put_response_hop_limit else "",
        f"endpoint {options.http_endpoint}" if options.http_endpoint else "",
    )
    return ", ".join(part for part in said if part) or _NOTHING
