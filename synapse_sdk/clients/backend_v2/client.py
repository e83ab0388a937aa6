"""The client of the v2 API."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2

from synapse_sdk.clients.backend_v2 import models
from synapse_sdk.clients.backend_v2.async_jobs import AsyncJobs, PluginExports
from synapse_sdk.clients.backend_v2.exports import Exports
from synapse_sdk.clients.backend_v2.resource import Resource
from synapse_sdk.clients.backend_v2.resources import (
    Assignments,
    BulkDataResource,
    DataFiles,
    GroundTruthDatasets,
    Projects,
    Tasks,
    Users,
)
from synapse_sdk.clients.base import BaseClient
from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.network import is_trusted_network, url_origin
from synapse_sdk.utils.retry import RetryPolicy

SYNAPSE_BACKEND_VERSION = "2.0.0"


class BackendV2Client(BaseClient):
    """Typed access to `/v2/`.

    Args:
        base_url: Address of the server, without `/v2`.
        access_token: A `syn_…` key.
        drf_token: A key for the `Authorization: Token` header.
        tenant: Code of the tenant.
        tenant_token_prefix: Write the tenant as `Token <code>`.
        timeout: `{"connect": seconds, "read": seconds}` or one number for both.
        allow_insecure: Let credentials travel over plain http to a host on the public network.
        retry: When failed requests are repeated.
        transport: Carries the requests; stays the caller's.

    Raises:
        ConfigurationError: `base_url` is not an http(s) address, or credentials would travel in the clear.
    """

    def __init__(
        self,
        base_url: str,
        *,
        access_token: str | None = None,
        drf_token: str | None = None,
        tenant: str | None = None,
        tenant_token_prefix: bool = False,
        timeout: Mapping[str, float] | float | None = None,
        allow_insecure: bool = False,
        retry: RetryPolicy | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        headers = {}
        if access_token:
            headers["SYNAPSE-ACCESS-TOKEN"] = access_token
        if drf_token:
            headers["Authorization"] = f"Token {drf_token}"
        if tenant:
            headers["SYNAPSE-Tenant"] = f"Token {tenant}" if tenant_token_prefix else tenant
        if headers and not allow_insecure:
            _refuse_plain_http(base_url)
        super().__init__(base_url, headers=headers, timeout=timeout, retry=retry, transport=transport)
        self._open_work_resources()
        self._open_data_resources()
        self._open_plugin_resources()

    def _open_work_resources(self) -> None:
        self.users = Users(self, "v2/users/")
        self.tokens = Resource[models.TokenItem](self, "v2/tokens/")
        self.projects = Projects(self, "v2/projects/")
        self.members = Resource[models.MemberItem](self, "v2/members/")
        self.tasks = Tasks(self, "v2/tasks/")
        self.task_tags = Resource[models.TagItem](self, "v2/task-tags/")
        self.assignments = Assignments(self, "v2/assignments/")
        self.reviews = Resource[models.ReviewItem](self, "v2/reviews/")

    def _open_data_resources(self) -> None:
        self.data_collections = Resource[models.DataCollectionItem](self, "v2/data-collections/")
        self.data_units = Resource[models.DataUnitItem](self, "v2/data-units/")
        self.data_files = DataFiles(self, "v2/data-files/")
        self.storages = Resource[models.StorageItem](self, "v2/storages/")
        self.ground_truth_datasets = GroundTruthDatasets(self, "v2/ground-truth-datasets/")
        self.ground_truth_dataset_versions = Resource[models.GroundTruthVersionItem](
            self, "v2/ground-truth-dataset-versions/"
        )
        self.ground_truths = BulkDataResource[models.GroundTruthItem](self, "v2/ground-truths/")
        self.ground_truth_events = BulkDataResource[models.GroundTruthEventItem](self, "v2/ground-truth-events/")

    def _open_plugin_resources(self) -> None:
        self.plugins = Resource[models.PluginItem](self, "v2/plugins/")
        self.plugin_releases = Resource[models.PluginReleaseItem](self, "v2/plugin-releases/")
        self.jobs = Resource[models.JobItem](self, "v2/jobs/")
        self.job_logs = Resource[models.JobLogItem](self, "v2/job-logs/")
        self.models = Resource[models.ModelItem](self, "v2/models/")
        self.agents = Resource[models.AgentItem](self, "v2/agents/")
        self.plugin_exports = PluginExports(self, "v2/plugin-exports/")
        self.exports = Exports(self, "v2/exports/")
        self.async_jobs = AsyncJobs(self, "v2/async-jobs/")


def _refuse_plain_http(base_url: str) -> None:
    scheme, host, _ = url_origin(base_url)
    if scheme == "http" and not is_trusted_network(base_url):
        raise ConfigurationError(
            f"Credentials for {host} would travel unencrypted. Use https, or pass allow_insecure=True."
        )
