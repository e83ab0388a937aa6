"""How many bytes a history of components takes, in the store and in git."""

import random
import sqlite3
import subprocess
from pathlib import Path

WORDS = [
    "loss",
    "model",
    "layer",
    "batch",
    "epoch",
    "width",
    "depth",
    "scale",
    "mean",
    "step",
    "norm",
    "conv",
    "relu",
    "pool",
    "drop",
    "seed",
    "rate",
    "head",
]


def histories(*, components: int, versions: int) -> list[dict[str, str]]:
    """Contents by path, the oldest first: files of 5 KB in which a few lines change from one version to the next."""
    rng = random.Random(6)

    def line() -> str:
        return f"    {rng.choice(WORDS)}_{rng.randrange(99)} = {rng.choice(WORDS)}({rng.choice(WORDS)}={rng.random():.4f})\n"

    files = {f"solver/kept_{number}.py": [line() for _ in range(130)] for number in range(components)}
    sets = []
    for _ in range(versions):
        sets.append({path: "".join(lines) for path, lines in files.items()})
        for lines in files.values():
            for _ in range(3):
                lines[rng.randrange(len(lines))] = line()
    return sets


def bytes_of_git(folder: Path, sets: list[dict[str, str]]) -> int:
    """Size of the pack after `git gc --aggressive`, one commit for each set."""
    folder.mkdir()
    names = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")

    def git(*arguments: str) -> None:
        subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True)

    git("init", "-q")
    for contents in sets:
        for path, text in contents.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
        git("add", "-A")
        git("commit", "-qm", "version")
    git("gc", "--aggressive", "--quiet", "--prune=now")
    return sum(file.stat().st_size for file in (folder / ".git" / "objects" / "pack").glob("*.pack"))


def bytes_of_store(url: str) -> int:
    """Bytes of all contents as they are stored."""
    database = sqlite3.connect(url.removeprefix("sqlite:///"))
    stored: int = database.execute("SELECT coalesce(sum(length(content)), 0) FROM component_blobs").fetchone()[0]
    database.close()
    return stored
