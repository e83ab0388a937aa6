"""What a component imports of other components, read off its syntax tree: the file is never run.

Followed are `import` and `from … import` in all forms, relative ones too, and `importlib.import_module("…")` with a
constant, under whatever name it was imported. Code that only type checkers see is not. An import whose failure is
caught may lead nowhere; any other must be a component, the image's, or of a package that is not the kit.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synapse_sdk.components.names import IMAGE_PACKAGES, KIT, ComponentPath, component_of_module
from synapse_sdk.exceptions import ComponentError

_PACKAGES = (KIT, f"{KIT}.agent", f"{KIT}.component")
_UNTOLD = (
    "this import cannot be told from the text. Import components by name; of another package, let the text begin "
    'with it: `import_module(f"torchvision.{name}")`.'
)
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
    try:
        finder = _Finder(component, _names_of_import_module(tree, source))
        finder.visit(tree)
    except RecursionError as exc:
        raise ComponentError(f"{component}:1: nested too deeply to be looked through.") from exc
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

    def __init__(self, component: ComponentPath, dynamic: frozenset[str]) -> None:
        self.component = component
        self.dynamic = dynamic
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
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        name = node.args[0] if node.args else given.get("name")
        if _dotted(node.func) in self.dynamic and name is not None:
            self.note_dynamic(node, name, node.args[1] if len(node.args) > 1 else given.get("package"))
        self.generic_visit(node)

    def note_dynamic(self, node: ast.Call, name: ast.expr, package: ast.expr | None) -> None:
        """Follow a module whose whole name is in the text; leave one alone that begins with another package."""
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            self.note(self.absolute_of_text(node, name.value, package), node)
            return
        root, dot, _ = _beginning_of(name).partition(".")
        if not self.is_optional and (not dot or root in ("", KIT)):
            raise self.problem(node, _UNTOLD)

    def absolute_of_text(self, node: ast.Call, name: str, package: ast.expr | None) -> str:
        """What `import_module(".x", package)` means."""
        module = name.lstrip(".")
        if module == name:
            return name
        own = isinstance(package, ast.Name) and package.id == "__package__"
        base = self.package if own else package.value if isinstance(package, ast.Constant) else None
        if not isinstance(base, str):
            raise self.problem(node, _UNTOLD)
        return self.above(node, base, len(name) - len(module), module)

    def note(self, module: str, node: ast.stmt | ast.expr) -> None:
        component = component_of_module(module)
        is_in_image = any(module == package or module.startswith(f"{package}.") for package in IMAGE_PACKAGES)
        if is_in_image or component == self.component:
            return
        if component is not None:
            self.found.append(Import(component, node.lineno, self.is_optional))
        elif module.startswith(f"{KIT}.") and module not in _PACKAGES and not self.is_optional:
            raise self.problem(node, f"{module} is no component; import one by its category and its own name.")

    def absolute(self, node: ast.ImportFrom) -> str:
        return self.above(node, self.package, node.level, node.module or "") if node.level else node.module or ""

    def above(self, node: ast.stmt | ast.expr, package: str, level: int, module: str) -> str:
        parts = package.split(".")
        if level > len(parts):
            raise self.problem(node, "the relative import leaves the kit.")
        return ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])

    def is_component_package(self, module: str) -> bool:
        return module in _PACKAGES or component_of_module(f"{module}.x") is not None

    def problem(self, node: ast.stmt | ast.expr, what: str) -> ComponentError:
        return ComponentError(f"{self.component}:{node.lineno}: {what}")


def _names_of_import_module(tree: ast.AST, source: bytes) -> frozenset[str]:
    """What the file calls it."""
    found = {"__import__"}
    # Nearly every component: spared a second way through its tree.
    for node in ast.walk(tree) if b"importlib" in source else ():
        if isinstance(node, ast.Import):
            found |= {f"{each.asname or each.name}.import_module" for each in node.names if each.name == "importlib"}
        elif isinstance(node, ast.ImportFrom) and node.module == "importlib" and not node.level:
            found |= {each.asname or each.name for each in node.names if each.name in ("import_module", "__import__")}
    return frozenset(found)


def _dotted(node: ast.expr) -> str:
    """`a` or `a.b` as text."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            return f"{name}.{attribute}"
    return ""


def _beginning_of(text: ast.expr) -> str:
    """What a computed text begins with, as far as the file says."""
    match text:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=[ast.Constant(value=str(value)), *_]):
            return value
        case ast.BinOp(left=left, op=ast.Add()):
            return _beginning_of(left)
        case ast.BinOp(left=left, op=ast.Mod()):
            return _beginning_of(left).partition("%")[0]
    return ""


def _catches_imports(node: ast.Try) -> bool:
    for handler in node.handlers:
        if handler.type is None:
            return True
        names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if any(ast.unparse(name) in _CAUGHT for name in names):
            return True
    return False
