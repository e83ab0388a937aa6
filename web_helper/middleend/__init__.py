"""A worker machine: keeps its components as the server has them, and loses no edit over it.

Never imports `cvlabkit`: a synchronisation changes those files while the worker runs.
"""
