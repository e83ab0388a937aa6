"""Small files, small functions, small folders (style guide, rules 1, 5, 6). An exception is a line here, with its reason."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ("synapse_sdk", "synapse_agent", "web_helper", "cvlabkit", "examples")
MAX_SOURCE_LINES, MAX_TEST_LINES, MAX_FUNCTION_LINES = 400, 500, 50
MAX_POSITIONAL, MAX_FOLDER_FILES = 4, 12

FILE_EXCEPTIONS: dict[str, str] = {}
FOLDER_EXCEPTIONS: dict[str, str] = {"synapse_sdk/wire": "one module per resource of the API, flat as the API is"}
FUNCTION_EXCEPTIONS: dict[str, str] = {
    f"synapse_sdk/plugins/actions/export/{where}:process_file_saving": "the documented signature, overridden by plugins"
    for where in ("exporter.py", "formats/exporter.py")
} | {
    f"{where}:convert_data_from_file": "the documented signature"
    for where in (
        "synapse_sdk/plugins/actions/to_task/action.py",
        "synapse_sdk/plugins/actions/to_task/file_formats/action.py",
        "examples/plugins/annotations-from-files/plugin/to_task.py",
    )
}


def python_files(*folders: str) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "migrations/versions" not in path.as_posix()
    )


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring: documenting well must not cost space."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


@pytest.mark.parametrize("path", python_files(*SOURCE_ROOTS), ids=name_of)
def test_source_file_is_small(path: Path):
    assert len(path.read_text().splitlines()) <= MAX_SOURCE_LINES or name_of(path) in FILE_EXCEPTIONS


@pytest.mark.parametrize("path", python_files("tests"), ids=name_of)
def test_test_file_is_small(path: Path):
    assert len(path.read_text().splitlines()) <= MAX_TEST_LINES or name_of(path) in FILE_EXCEPTIONS


@pytest.mark.parametrize("path", python_files(*SOURCE_ROOTS), ids=name_of)
def test_functions_are_short_and_take_few_positional_parameters(path: Path):
    for function in functions_of(path):
        where = f"{name_of(path)}:{function.name}"
        positional = [arg for arg in function.args.posonlyargs + function.args.args if arg.arg not in {"self", "cls"}]
        if where in FUNCTION_EXCEPTIONS:
            continue
        assert body_lines(function) <= MAX_FUNCTION_LINES, f"{where} has {body_lines(function)} lines"
        # A decorated function (a command, a route) is called by its framework, by keyword.
        assert len(positional) <= MAX_POSITIONAL or function.decorator_list, (
            f"{where} takes {len(positional)} positional"
        )


def test_folders_hold_few_files():
    folders = {path.parent for path in python_files(*SOURCE_ROOTS)}
    crowded = {
        name_of(folder): count
        for folder in folders
        if (count := len([p for p in folder.glob("*.py") if p.name != "__init__.py"])) > MAX_FOLDER_FILES
    }
    assert not {name: count for name, count in crowded.items() if name not in FOLDER_EXCEPTIONS}


def test_every_exception_is_still_needed():
    for name in FILE_EXCEPTIONS:
        limit = MAX_TEST_LINES if name.startswith("tests/") else MAX_SOURCE_LINES
        assert len((ROOT / name).read_text().splitlines()) > limit, f"{name} is small again: drop its line"
