"""Agents: what an experiment does. Each is a component of its own, found by name."""
