"""A DiagnosticArray read from its bytes: nearly all of it is text, so that no two are laid out alike."""

from __future__ import annotations

import struct
from types import SimpleNamespace

_HEADER = struct.Struct("<iI")
_COUNT = struct.Struct("<I")


def diagnostics(data: bytes) -> SimpleNamespace:
    """An object with the fields of a ``diagnostic_msgs/DiagnosticArray``; many times faster than a general decoder.

    Raises:
        ValueError, struct.error: if it is none, or one with another order of bytes.
    """
    if data[:2] != b"\x00\x01":
        raise ValueError("its numbers do not begin with the lowest byte")
    text = _Texts(data)
    sec, nanosec = _HEADER.unpack_from(data, 4)
    stamp = SimpleNamespace(sec=sec, nanosec=nanosec)
    header = SimpleNamespace(stamp=stamp, frame_id=text.next())
    status = [_status(data, text) for _ in range(text.count())]
    if text.at + 4 <= len(data):
        raise ValueError("more bytes follow")
    return SimpleNamespace(header=header, status=status)


def _status(data: bytes, text: _Texts) -> SimpleNamespace:
    level = data[text.at]
    text.at += 1
    name, message, hardware_id = text.next(), text.next(), text.next()
    values = [SimpleNamespace(key=text.next(), value=text.next()) for _ in range(text.count())]
    return SimpleNamespace(level=level, name=name, message=message, hardware_id=hardware_id, values=values)


class _Texts:
    """Reads one string or count after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 12

    def count(self) -> int:
        begin = (self.at + 3) & -4
        (count,) = _COUNT.unpack_from(self._data, begin)
        self.at = begin + 4
        return int(count)

    def next(self) -> str:
        begin = ((self.at + 3) & -4) + 4
        (size,) = _COUNT.unpack_from(self._data, begin - 4)
        self.at = end = begin + int(size)
        if not size or end > len(self._data) or self._data[end - 1]:
            raise ValueError("a text in it does not end")
        return self._data[begin : end - 1].decode()
