"""What a recogniser says it found: a library of an ecosystem, its version as far as it is known, and how that is known."""

from __future__ import annotations

from imds_probe.dataclass import dataclass


@dataclass(frozen=True)
class Library:
    """One library that may call the metadata service.

    ecosystem, package: as the catalog's rows name them ("pypi" and "botocore", "maven" and "group:artifact", ...).
    version: exact, as the ecosystem writes it; None where it could only be narrowed down, to `at_least` (included) and
    `below` (not included), each None where nothing is known of that side.
    how: in a few words how it was known ("dist-info", "go build information", "user-agent string", "pom.properties").
    inside: where in the file that was read it stood, outermost first ("BOOT-INF/lib/sdk-core-2.1.jar"); empty: itself.
    Text comes from files that may be hostile; recognisers refuse what no version or name can hold.
    """

    ecosystem: str
    package: str
    version: str | None
    how: str
    at_least: str | None = None
    below: str | None = None
    inside: tuple[str, ...] = ()
