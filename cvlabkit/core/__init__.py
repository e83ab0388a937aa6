"""Config, creator and agent: what every experiment has, whatever its components."""
