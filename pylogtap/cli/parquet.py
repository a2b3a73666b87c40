"""Rows to a Parquet file, by pyarrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pylogtap.cli.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pylogtap.cli.tables import Column

_GROUP = 32_000  # rows of a row group: what is in memory at once


class ParquetRows:
    """Writes row groups, compressed by zstd; times are timestamps, JSON is text."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        """
        Open the file.

        Args:
            path: A file that is not there.
            columns: Of the rows.

        Raises:
            Failed: pyarrow is not installed.
        """
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise Failed(
                "`--format parquet` needs pyarrow, which is not installed here",
                remedies=("pip install 'pylogtap[parquet]'",),
            ) from error
        kinds = {"integer": pa.int64(), "time": pa.timestamp("us", tz="UTC")}
        fields = [(column.name, kinds.get(column.kind, pa.string())) for column in columns]
        self._arrow, self._schema = pa, pa.schema(fields)
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._held: list[Sequence[Any]] = []

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Write rows."""
        self._held += rows
        if len(self._held) >= _GROUP:
            self._flush()

    def close(self) -> None:
        """Write the rest, and the end of the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if not self._held:
            return
        columns = zip(*self._held, strict=True)
        arrays = [
            self._arrow.array(column, kind) for column, kind in zip(columns, self._schema.types, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._held = []
