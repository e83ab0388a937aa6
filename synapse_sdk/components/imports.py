"""What a component imports of other components, read off its syntax tree: the file is never run.

Followed are `import` and `from … import` in all forms, relative ones too, and `importlib.import_module("…")` with a
constant. Code that only type checkers see is not. An import whose failure is caught may lead nowhere.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synapse_sdk.components.names import IMAGE_PACKAGES, KIT, ComponentPath, component_of_module
from synapse_sdk.exceptions import ComponentError

_PACKAGES = (KIT, f"{KIT}.agent", f"{KIT}.component")
_CAUGHT = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True)
class Import:
    """One import of a component.

    Attributes:
        line: The line of the file that imports.
        is_optional: A failure is caught there.
    """

    component: ComponentPath
    line: int
    is_optional: bool = False


@dataclass(frozen=True)
class Unresolved:
    """Something that a component needs and that is nowhere, or cannot be told from its text.

    Attributes:
        component: What was looked for, where that can be told.
    """

    origin: str
    line: int
    reason: str
    component: ComponentPath | None = None

    def __str__(self) -> str:
        return f"{self.origin}:{self.line}: {self.reason}"


@dataclass(frozen=True)
class Closure:
    """Components with everything they import, and what is missing."""

    components: tuple[ComponentPath, ...]
    unresolved: tuple[Unresolved, ...]


def imports_of(component: ComponentPath, source: bytes) -> list[Import]:
    """The components that a component imports, in the order of its lines.

    Raises:
        ComponentError: It is no Python, or an import cannot be told from its text; path and line are named.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as exc:
        raise ComponentError(f"{component}:{exc.lineno or 1}: {exc.msg}.") from exc
    except (ValueError, RecursionError, MemoryError) as exc:
        raise ComponentError(f"{component}:1: no Python: {exc}.") from exc
    finder = _Finder(component)
    finder.visit(tree)
    return sorted(finder.found, key=lambda each: each.line)


def follow_imports(roots: Sequence[ComponentPath], read: Callable[[ComponentPath], Sequence[Import] | None]) -> Closure:
    """Everything that the roots need, themselves first.

    Args:
        roots: Where to begin.
        read: Gives a component's imports, None when there is no such component; it may raise `ComponentError`, which
            becomes something unresolved. Roots that are nowhere are left to the caller, who knows who asked for them.
    """
    seen: dict[ComponentPath, None] = {}
    unresolved: list[Unresolved] = []
    waiting: list[tuple[ComponentPath, ComponentPath | None, Import | None]] = [(root, None, None) for root in roots]
    for component, importer, statement in waiting:
        if component in seen:
            continue
        try:
            imports = read(component)
        except ComponentError as exc:
            imports = []
            unresolved.append(_parse_problem(exc))
        if imports is not None or importer is None:
            seen[component] = None
        elif statement is not None and not statement.is_optional:
            reason = f"imports {component.module}, and there is no component {component}."
            unresolved.append(Unresolved(str(importer), statement.line, reason, component))
        waiting.extend((each.component, component, each) for each in imports or ())
    return Closure(tuple(seen), tuple(dict.fromkeys(unresolved)))


def _parse_problem(exc: ComponentError) -> Unresolved:
    origin, line, reason = str(exc).split(":", 2)
    return Unresolved(origin, int(line), reason.strip())


class _Finder(ast.NodeVisitor):
    """Collects imports, and knows whether it stands where a failure is caught."""

    def __init__(self, component: ComponentPath) -> None:
        self.component = component
        self.package = component.module.rpartition(".")[0]
        self.found: list[Import] = []
        self.is_optional = False

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.note(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = self.absolute(node)
        if component_of_module(module) is not None or not self.is_component_package(module):
            self.note(module, node)
            return
        for alias in node.names:
            if alias.name == "*":
                raise self.problem(node, f"`import *` from {module} cannot be followed; name the components.")
            self.note(f"{module}.{alias.name}", node)

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) not in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            self.generic_visit(node)
            return
        for statement in node.orelse:
            self.visit(statement)

    def visit_Try(self, node: ast.Try) -> None:
        outside, self.is_optional = self.is_optional, self.is_optional or _catches_imports(node)
        for statement in node.body:
            self.visit(statement)
        self.is_optional = outside
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(part)

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func)
        if called in {"importlib.import_module", "import_module", "__import__"} and node.args:
            self.note_dynamic(node.args[0], node)
        self.generic_visit(node)

    def note_dynamic(self, argument: ast.expr, node: ast.Call) -> None:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            self.note(argument.value, node)
        elif KIT in ast.unparse(argument):
            raise self.problem(node, "this import cannot be told from the text; import the components by name.")

    def note(self, module: str, node: ast.stmt | ast.expr) -> None:
        component = component_of_module(module)
        is_in_image = any(module == package or module.startswith(f"{package}.") for package in IMAGE_PACKAGES)
        if component is not None and component != self.component and not is_in_image:
            self.found.append(Import(component, node.lineno, self.is_optional))

    def absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.package.split(".")
        if node.level > len(parts):
            raise self.problem(node, "the relative import leaves the kit.")
        base = parts[: len(parts) - node.level + 1]
        return ".".join([*base, *([node.module] if node.module else [])])

    def is_component_package(self, module: str) -> bool:
        return module in _PACKAGES or component_of_module(f"{module}.x") is not None

    def problem(self, node: ast.stmt | ast.expr, what: str) -> ComponentError:
        return ComponentError(f"{self.component}:{node.lineno}: {what}")


def _catches_imports(node: ast.Try) -> bool:
    for handler in node.handlers:
        if handler.type is None:
            return True
        names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if any(ast.unparse(name) in _CAUGHT for name in names):
            return True
    return False
