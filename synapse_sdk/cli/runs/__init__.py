"""Runs of plugins as a terminal shows them, wherever they run."""
