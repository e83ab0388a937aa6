"""A run as a process: what stands between it and the worker, and what watches from inside what it executes."""
