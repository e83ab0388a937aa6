"""The experiment kit: a config names components, `python -m cvlabkit run config.yaml` puts them together and trains.

`core` and `component.base` come with the image. What lies in `agent` and in the other folders of `component` is
synchronised, and imported by name alone.
"""

import os

if "CVLABKIT_SPAWNED" in os.environ:
    # A run has started this process: it sees the run's tree, and writes down what it runs of it.
    from cvlabkit.core.source_import import join_run

    join_run()
