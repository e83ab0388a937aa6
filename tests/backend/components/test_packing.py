"""Old versions are packed against newer ones, and every one of them is read back as it was."""

import random

from web_helper.backend.queries.components import blobs
from web_helper.backend.services.components.changes import VERSIONS_PER_CHAIN


def sizes(database) -> dict[str, tuple[int, str | None]]:
    with database.read() as session:
        found = session.connection().exec_driver_sql("SELECT sha256, length(content), base_sha256 FROM component_blobs")
        return {digest: (length, base) for digest, length, base in found}


def contents(store, path: str) -> list[str]:
    return [each["content"] for each in store.get(f"/versions/{path.removesuffix('.py')}", include_content=True)]


def test_many_versions_are_small_and_as_they_were(store, database):
    rng = random.Random(1)
    lines = [f"value_{number} = {rng.random()}\n" for number in range(200)]
    texts = []
    for number in range(VERSIONS_PER_CHAIN + 4):
        lines[rng.randrange(200)] = f"changed = {number}  # {rng.random()}\n"
        texts.append("".join(lines))
        store.upload("model/net.py", texts[-1])

    assert contents(store, "model/net.py") == texts[::-1]
    stored = sizes(database)
    assert sum(length for length, _ in stored.values()) < 5 * len(texts[0])
    # The newest stands alone, and so does one in so many.
    assert sum(base is None for _, base in stored.values()) == 2


def test_no_chain_comes_back_to_where_it_began(store, database):
    """The same contents in turn at several paths: each is packed against one that came later, or not at all."""
    texts = [f"shared = {number}\n" * 20 for number in range(4)]
    for path, order in (("model/a.py", (0, 1, 2, 3)), ("loss/b.py", (3, 2, 1, 0)), ("agent/c.py", (1, 3, 0, 2))):
        for number in order:
            store.upload(path, texts[number])
    assert contents(store, "loss/b.py") == texts
    assert contents(store, "agent/c.py") == [texts[number] for number in (2, 0, 3, 1)]
    store.post("/changes", {"changes": [
        {"path": "model/a.py", "content": "new = 1\n"}, {"path": "loss/b.py", "content": "new = 1\n"},
    ]})  # fmt: skip
    assert contents(store, "model/a.py") == ["new = 1\n", *texts[::-1]]
    assert contents(store, "loss/b.py") == ["new = 1\n", *texts]


def test_what_was_stored_before_packing_is_read(store, database):
    store.upload("model/a.py", "old = 1\n")
    with database.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE component_blobs SET is_packed = false, content = "
            + ("x'6f6c64203d20310a'" if session.get_bind().dialect.name == "sqlite" else "'\\x6f6c64203d20310a'::bytea")
        )
    assert contents(store, "model/a.py") == ["old = 1\n"]
    store.upload("model/a.py", "old = 2\n")
    assert contents(store, "model/a.py") == ["old = 2\n", "old = 1\n"]
    with database.read() as session:
        assert blobs.contents_of(session, ["0" * 64]) == {}
