"""`synapse component push | sync | status | restore | verify`: the working tree's side of `synapse component`."""

from web_helper.middleend.component_commands.working_tree import register

__all__ = ["register"]
