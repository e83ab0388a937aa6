"""One machine, one command: starts, watches and stops the platform's processes, and shows it at work."""
