"""Original files of some of the filled items, put straight into the database and the default storage."""

import hashlib
from pathlib import Path

from sqlalchemy import select

from web_helper.backend.core.database import Database
from web_helper.backend.models import DataFile, DataUnit, DataUnitFile, FileStatus, Project, Storage

BYTES = 2_000


def add_originals(database: Database, storage_folder: Path, project: str, count: int) -> None:
    """Give the project's first units an image each, with bytes of its own."""
    with database.write() as session:
        storage = session.scalars(select(Storage).where(Storage.is_default)).one()
        found = session.scalars(select(Project).where(Project.name == project)).one()
        units = select(DataUnit).where(DataUnit.data_collection_id == found.data_collection_id)
        for unit in session.scalars(units.order_by(DataUnit.id).limit(count)).all():
            content = hashlib.shake_128(unit.name.encode()).digest(BYTES)
            sha256 = hashlib.sha256(content).hexdigest()
            path = f"data/{sha256[:2]}/{sha256}.png"
            target = storage_folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            file = DataFile(
                storage_id=storage.id, sha256=sha256, size_bytes=BYTES, path=path, status=FileStatus.CONFIRMED
            )
            session.add(file)
            session.flush()
            role = {"specification": "image", "is_primary": True, "file_name_original": unit.name}
            session.add(DataUnitFile(data_unit_id=unit.id, data_file_id=file.id, **role))
