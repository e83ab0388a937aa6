"""The client of an agent."""

from synapse_sdk.clients.agent.client import AgentClient

__all__ = ["AgentClient"]
