"""Parts of a bundle: where they are cut, and which of an earlier attempt are still right."""
