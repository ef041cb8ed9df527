"""Clients of AWS's services, made by botocore with this project's rules about credentials, time limits and retries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.config import Config as BotocoreConfig
from botocore.exceptions import BotoCoreError

from imds_probe import __version__
from imds_probe.aws.calls import CallError
from imds_probe.aws.instance_role import InstanceRole
from imds_probe.config import AwsConfig
from imds_probe.errors import UsageError
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import from_environment
from imds_probe.kept.message import without_urls

CONNECT_S, READ_S = 3.0, 5.0
COMPRESSED_FROM_BYTES = 2048  # botocore's own default is five times that, which most reports' metrics never reach
# The settings that name another endpoint, by service.
ENDPOINTS = {name: f"{name}_endpoint" for name in ("cloudwatch", "logs", "ec2", "autoscaling", "s3", "sts")}


class Aws:
    """The way to AWS for one run. `is_ec2` false takes the instance's role out of the chain of credentials: what is no EC2
    instance is not asked. `region` counts where neither configuration nor environment names one.
    """

    def __init__(
        self,
        config: AwsConfig,
        environ: Mapping[str, str],
        *,
        is_ec2: bool,
        region: str | None,
        counter: RequestCounter | None = None,
    ) -> None:
        self._config, self._region = config, config.region
        self._session = botocore.session.Session(profile=config.profile)
        self._session.set_config_variable("ec2_metadata_v1_disabled", True)
        try:
            chain = self._session.get_component("credential_provider")
            # botocore knows the other variable only, and all else that reads AWS's environment knows this one.
            named = environ.get("AWS_REGION") or self._session.get_config_variable("region")
            self._region = self._region or named or region
        except BotoCoreError as error:
            raise CallError(
                f"AWS's configuration makes no sense: {without_urls(str(error))}", "Correct ~/.aws/config."
            ) from None
        chain.remove(InstanceRole.METHOD)
        if is_ec2 and environ.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
            try:  # the last link, as botocore's is
                chain.providers.append(InstanceRole(from_environment(environ), counter))
            except UsageError as error:
                raise CallError(error.problem, error.remedy) from None

    @property
    def region(self) -> str | None:
        """Where its clients ask; None where neither configuration nor environment names a Region."""
        return self._region

    def client(self, service: str) -> Any:
        """A client. It tries once: `calls.call` knows which of its troubles may be tried again. Raises CallError."""
        if self._region is None:
            raise CallError("no AWS Region is known", "Set aws.region in the configuration, or AWS_REGION.")
        setting = ENDPOINTS.get(service)
        try:
            return self._session.create_client(
                service,
                region_name=self._region,
                endpoint_url=getattr(self._config, setting) if setting else None,
                config=BotocoreConfig(
                    connect_timeout=CONNECT_S,
                    read_timeout=READ_S,
                    retries={"total_max_attempts": 1, "mode": "standard"},
                    defaults_mode="standard",  # "auto" asks the metadata service where this is
                    request_min_compression_size_bytes=COMPRESSED_FROM_BYTES,
                    user_agent_extra=f"imds-probe/{__version__}",
                ),
            )
        except (BotoCoreError, ValueError) as error:
            raise CallError(
                f"AWS cannot be reached: {without_urls(str(error))}", "See the [aws] settings and ~/.aws/config."
            ) from None
