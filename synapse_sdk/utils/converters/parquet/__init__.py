"""Parquet: a row per image with its annotations nested, for pandas, DuckDB, Spark and `datasets`."""
