"""Exports that only tell what changed, and bringing an older export up to date with one."""
