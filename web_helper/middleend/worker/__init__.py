"""A worker machine's jobs: each experiment runs in a tree of its own, made of exactly what its submission froze.

Never imports `cvlabkit`: a run's kit lies in its own tree and is executed by a child process only.
"""
