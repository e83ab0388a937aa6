"""The database's schema over time. `services.bootstrap` runs these; `alembic` itself is never called by hand."""
