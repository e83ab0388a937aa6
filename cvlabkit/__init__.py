"""The experiment kit: a config names components, `python -m cvlabkit run config.yaml` puts them together and trains.

`core` and `component.base` come with the image. What lies in `agent` and in the other folders of `component` is
synchronised, and imported by name alone.
"""
