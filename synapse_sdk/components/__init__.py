"""What a config needs: its syntax, the names of components, and what they import. Pure functions, for both ends.

Here and not in `cvlabkit`, because the server and the worker need them too and never import the kit: a synchronisation
changes the kit's files while they run.
"""
