"""The worker of a GPU machine, under the documented name; it lives in `web_helper.middleend.worker`."""

from __future__ import annotations

from web_helper.middleend.worker.device_agent import DeviceAgent, HostRecord, WorkerSettings, join_server

__all__ = ["DeviceAgent", "HostRecord", "WorkerSettings", "join_server"]
