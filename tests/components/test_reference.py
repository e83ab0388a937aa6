"""The page about components says what the code says."""

from synapse_sdk.components.config_components import config_references
from synapse_sdk.components.config_file import parse_config
from synapse_sdk.components.names import Category
from tests.docs.pages import ROOT, table_of

PAGE = ROOT / "docs" / "reference" / "components.md"


def test_every_category_is_listed():
    assert [row[0] for row in table_of(PAGE, "category")] == list(Category)


def test_what_the_page_writes_can_be_read():
    rows = table_of(PAGE, "written")
    assert len(rows) == 9
    for written in (row[0].replace("\\|", "|") for row in rows):
        config_references(parse_config(f"{written}\narch: vit" if "arch" in written else written))


def test_every_base_class_and_its_methods_are_listed():
    from cvlabkit.component import base

    rows = {row[0]: row[1] for row in table_of(PAGE, "base class")}
    classes = {name: getattr(base, name) for name in base.__all__ if name != "Component"}
    assert set(rows) == set(classes)
    for name, kind in classes.items():
        assert rows[name].replace("`", "").split(", ") == list(kind.operations), name
