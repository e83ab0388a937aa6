"""What a config needs of a working tree: what it names, and what the files here import."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from synapse_sdk.components.config_components import config_references
from synapse_sdk.components.config_file import read_config_file
from synapse_sdk.components.imports import Import, Unresolved, imports_of
from synapse_sdk.components.names import ComponentPath
from synapse_sdk.exceptions import ComponentError


@dataclass(frozen=True)
class ConfigNeeds:
    """Components by path, and who asked for them.

    Attributes:
        contents: The local bytes of everything that was reached; None where there is no file.
        askers: For each component, the places that need it: a line of the config, or of a local file.
        broken: Local files that could not be read as Python, with the place.
    """

    contents: dict[str, bytes | None]
    askers: dict[str, list[Unresolved]]
    broken: dict[str, Unresolved]

    def problems(self, available: Collection[str], replaced: Collection[str]) -> list[str]:
        """What is needed and nowhere, one line each.

        Args:
            available: Components that are here or on the server.
            replaced: Components whose local file makes way: what only it imports is not needed.
        """
        asked = [
            place
            for path, places in self.askers.items()
            if path not in available
            for place in places
            if place.origin not in replaced
        ]
        broken = [place for path, place in sorted(self.broken.items()) if path not in replaced]
        return [str(each) for each in [*asked, *broken]]


def find_needs(config: Path, read: Callable[[ComponentPath], bytes | None]) -> ConfigNeeds:
    """Everything that a config names, and that the local files import in turn.

    Raises:
        ComponentError: The config cannot be read; file and line are named.
        OSError: The config is no file that can be read.
    """
    needs = ConfigNeeds({}, {}, {})
    named = []
    for reference in config_references(read_config_file(config)):
        reason = f"{reference.key}: there is no component {reference.component}, neither here nor on the server."
        _ask(needs, reference.component, Unresolved(reference.origin, reference.line, reason))
        named.append(reference.component)
    follow_local(needs, named, read)
    return needs


def follow_local(
    needs: ConfigNeeds, components: Iterable[ComponentPath], read: Callable[[ComponentPath], bytes | None]
) -> None:
    """Add components, and what the local files import in turn."""
    waiting = list(components)
    for component in waiting:
        if str(component) in needs.contents:
            continue
        content = needs.contents[str(component)] = read(component)
        for each in _imports_of(needs, component, content):
            if not each.is_optional:
                reason = f"imports {each.component.module}, and {each.component} is neither here nor on the server."
                _ask(needs, each.component, Unresolved(str(component), each.line, reason))
            waiting.append(each.component)


def _imports_of(needs: ConfigNeeds, component: ComponentPath, content: bytes | None) -> list[Import]:
    try:
        return [] if content is None else imports_of(component, content)
    except ComponentError as exc:
        origin, line, reason = str(exc).split(":", 2)
        needs.broken[str(component)] = Unresolved(origin, int(line), reason.strip())
        return []


def _ask(needs: ConfigNeeds, component: ComponentPath, place: Unresolved) -> None:
    needs.askers.setdefault(str(component), []).append(place)
