"""What lists should select, said in plain SQL by hand: the other side of the comparison knows nothing of the server's."""

from typing import Any

from web_helper.backend.core.database import Database

FROM = {
    "tasks": "SELECT x.id FROM tasks x JOIN data_units u ON u.id = x.data_unit_id",
    "assignments": (
        "SELECT x.id FROM assignments x JOIN tasks t ON t.id = x.task_id JOIN data_units u ON u.id = t.data_unit_id"
    ),
    "ground_truth_events": "SELECT x.pgh_id FROM ground_truth_events x JOIN data_units u ON u.id = x.data_unit_id",
}
TAGGED = {
    "tasks": "SELECT 1 FROM task_tags m JOIN tags g ON g.id = m.tag_id WHERE m.task_id = x.id AND g.name IN ({})",
    "assignments": (
        "SELECT 1 FROM assignment_tags m JOIN tags g ON g.id = m.tag_id WHERE m.assignment_id = x.id AND g.name IN ({})"
    ),
}
IN_VERSIONS = "SELECT v.pgh_id FROM ground_truth_version_events v WHERE v.version_id IN"


def numbers(values: list[int]) -> str:
    return ", ".join(str(int(value)) for value in values) or "NULL"


def words(values: list[str]) -> str:
    return ", ".join(literal(value) for value in values) or "NULL"


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def condition(noun: str, name: str, value: Any) -> str:
    key = "x.pgh_id" if noun == "ground_truth_events" else "x.id"
    if isinstance(value, bool):
        return f"x.{name} = {str(value).upper()}"
    if name == "search":
        escaped = value.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"lower(u.name) LIKE {literal('%' + escaped + '%')} ESCAPE '\\'"
    special = {
        "ids": lambda: f"{key} IN ({numbers(value)})",
        "ids_ex": lambda: f"{key} NOT IN ({numbers(value)})" if value else "1 = 1",
        "tags": lambda: f"EXISTS ({TAGGED[noun].format(words(value))})",
        "ground_truth_dataset_version": lambda: f"x.pgh_id IN ({IN_VERSIONS} ({numbers(value)}))",
    }
    if name in special:
        return special[name]()
    if name == "user" and noun == "tasks":
        return f"EXISTS (SELECT 1 FROM assignments a WHERE a.task_id = x.id AND a.user_id IN ({numbers(value)}))"
    if all(isinstance(item, int) for item in value):
        return f"x.{name}_id IN ({numbers(value)})"
    return f"x.{name} IN ({words(value)})"


def select_ids(database: Database, noun: str, filters: dict[str, Any]) -> list[int]:
    conditions = " AND ".join(condition(noun, name, value) for name, value in filters.items()) or "1 = 1"
    with database.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"{FROM[noun]} WHERE {conditions} ORDER BY 1".replace("%", "%%"))
        return [row[0] for row in rows]
