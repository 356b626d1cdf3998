# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The tables of frames and of tasks of a LeRobot data set; frames are written as they come, in groups of rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from il_ros.core import messages
from il_ros.core.types import Array
from il_ros.recording.export.base import library

CHECKED = {"write_page_checksum": True}
GROUP_BYTES = 1 << 24
"""Of unpacked images in a group of rows, so that memory does not grow with an episode."""


class FrameTable:
    """Writes frames into one parquet file; columns of videos have no place in it.

    Args:
        path: of the file.
        columns: as ``info.json`` describes them.
    """

    def __init__(self, path: Path, columns: Mapping[str, Mapping[str, Any]]) -> None:
        self._pyarrow = library("pyarrow")
        self._columns = {name: feature for name, feature in columns.items() if feature["dtype"] != "video"}
        self._schema = self._pyarrow.schema([(name, self._type(each)) for name, each in self._columns.items()])
        self._writer = library("pyarrow.parquet").ParquetWriter(path, self._schema, **CHECKED)

    def __enter__(self) -> FrameTable:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._writer.close()

    def write(self, frames: Mapping[str, Array], images: Mapping[str, Iterator[Array]]) -> None:
        """Write the frames of an episode: by column the numbers, and the images."""
        count = len(frames["index"])
        shapes = [self._columns[column]["shape"] for column in images]
        group = max(1, GROUP_BYTES // sum(h * w * c for h, w, c in shapes)) if shapes else count
        for start in range(0, count, group):
            span = slice(start, min(start + group, count))
            arrays = {name: self._array(values[span]) for name, values in frames.items()}
            arrays |= {column: self._packed(islice(each, span.stop - start), start) for column, each in images.items()}
            table = self._pyarrow.table([arrays[name] for name in self._columns], schema=self._schema)
            self._writer.write_table(table)

    def _type(self, feature: Mapping[str, Any]) -> Any:
        if feature["dtype"] == "image":
            return self._pyarrow.struct([("bytes", self._pyarrow.binary()), ("path", self._pyarrow.string())])
        kind = getattr(self._pyarrow, {"bool": "bool_"}.get(feature["dtype"], feature["dtype"]))()
        (width,) = feature["shape"]
        return kind if width == 1 else self._pyarrow.list_(kind, width)  # LeRobot reads (1,) as a plain number

    def _array(self, values: Array) -> Any:
        if values.ndim == 1 or values.shape[1] == 1:
            return self._pyarrow.array(values.ravel())
        return self._pyarrow.FixedSizeListArray.from_arrays(self._pyarrow.array(values.ravel()), values.shape[1])

    def _packed(self, images: Iterator[Array], first: int) -> Any:
        """Return images as LeRobot embeds them; the path is a name without a file."""
        rows = [
            {"bytes": messages.packed_image(image), "path": f"frame-{number:06d}.png"}
            for number, image in enumerate(images, first)
        ]
        return self._pyarrow.array(rows, self._type({"dtype": "image"}))


def write_tasks(path: Path, tasks: Sequence[str]) -> None:
    """Write the table of tasks; LeRobot reads it with pandas and takes the task from its index."""
    pyarrow = library("pyarrow")
    table = pyarrow.table({"task_index": pyarrow.array(range(len(tasks)), pyarrow.int64()), "task": tasks})
    described = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": stored, "metadata": None}
        for name, kind, stored in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    ]
    pandas = {"index_columns": ["task"], "column_indexes": [], "columns": described, "pandas_version": "2.2.3"}
    named = table.replace_schema_metadata({"pandas": json.dumps(pandas)})
    library("pyarrow.parquet").write_table(named, path, **CHECKED)
