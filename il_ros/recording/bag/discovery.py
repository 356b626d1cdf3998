# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0


"""Find the recordings in a folder: those that can be opened, and why the others cannot."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mcap.opcode import Opcode

from il_ros.core.errors import DataError
from il_ros.recording.bag import metadata
from il_ros.recording.bag.files import begins, is_message_file, located, parts
from il_ros.recording.bag.mcap_records import MAGIC
from il_ros.recording.bag.metadata import METADATA
from il_ros.recording.write.journal import LIBRARY, SUFFIX, is_open

DAMAGED = ".damaged"
DISCARDED = "discarded"
NUMBER = re.compile(r"episode_(\d{6,})(?:\.|$)")
OTHERS = {
    ".bag": ("a ROS 1 bag", "convert it: pip install rosbags; rosbags-convert --src {name} --dst {stem}"),
    ".active": ("a ROS 1 bag that was not closed", "run `rosbag reindex`, then convert it with rosbags-convert"),
    ".hdf5": ("an HDF5 file", "convert it to LeRobot's form with the script of the project that it comes from"),
    ".h5": ("an HDF5 file", "convert it to LeRobot's form with the script of the project that it comes from"),
    ".rrd": ("a recording of Rerun", "convert it to MCAP with the tools of Rerun"),
    ".ulg": ("a log of PX4", "convert it: pip install pyulog; ulog2rosbag, then rosbags-convert"),
    ".zarr": ("a Zarr store", "convert it to LeRobot's form with the script of the project that it comes from"),
}
"""Recordings of other kinds by the ends of their names: what they are, and what makes them readable."""
NOT_OURS = "copy it again, or repair it with the program that recorded it"
"""The remedy for a damaged bag of another program."""
POINTER = b"version https://git-lfs.github.com/spec/"
_NO_FILE = "{} is a pointer of Git LFS and not the file itself; run `git lfs pull` in its folder"
_HEADER_BYTES = 256


@dataclass(frozen=True)
class FoundRecording:
    """A recording in a folder."""

    path: Path
    """A rosbag2 folder, with ``metadata.yaml`` or without, one file of messages, or a journal."""
    why_not: str = ""
    """Why it cannot be opened, and the remedy; empty if ``bag.read`` opens it (it may still turn out to be damaged)."""


def recordings(folder: Path) -> list[FoundRecording]:
    """Return every recording in ``folder`` by number and name, or ``folder`` alone if it is one itself.

    Left out are discarded and damaged ones (``discarded/``, names with ``.damaged``), hidden ones, and journals that
    are still being written. A folder within that holds several recordings is one that cannot be opened.
    """
    folder = Path(folder)
    if folder.is_file() or (folder / METADATA).exists() or folder.is_dir() and parts(folder):
        own = _recording_at(folder)
        return [own] if own is not None else []
    if not folder.is_dir():
        return []
    within = [
        recording for path in folder.iterdir() if not _is_aside(path) and (recording := _recording_at(path)) is not None
    ]
    return sorted(within, key=lambda recording: (number(recording.path), recording.path.name))


def why_not(path: Path) -> str:
    """Return why the recording at ``path`` cannot be opened; empty if it can be, or is no recording."""
    recording = _recording_at(path)
    return recording.why_not if recording is not None else ""


def readable(folder: Path) -> list[Path]:
    """Return the recordings in ``folder`` that can be opened; see ``recordings``."""
    return [recording.path for recording in recordings(folder) if not recording.why_not]


def number(path: Path) -> int:
    """Return the number of an episode, 0 for a path with another kind of name."""
    match = NUMBER.match(path.name)
    return int(match[1]) if match else 0


def files_without_metadata(path: Path) -> list[Path]:
    """Return the files of a recording without ``metadata.yaml``; none if ``path`` is no such recording."""
    if is_message_file(path):
        return [path]
    return _alone(path) if path.is_dir() and not (path / METADATA).exists() else []


def _alone(folder: Path) -> list[Path]:
    files = [path for path in folder.iterdir() if is_message_file(path)]
    return files if len(files) == 1 else parts(folder)


def _is_aside(path: Path) -> bool:
    return DAMAGED in path.name or path.name == DISCARDED or path.name.startswith(".")


def _recording_at(path: Path) -> FoundRecording | None:
    if path.name.endswith(SUFFIX):
        return _journal(path)
    if _is_recording_by_name(path) and _is_pointer(path):
        return FoundRecording(path, _NO_FILE.format(path))
    if path.suffix in OTHERS:
        what, remedy = OTHERS[path.suffix]
        return FoundRecording(
            path, f"{path} is {what}, which is not read; {remedy.format(name=path.name, stem=path.stem)}"
        )
    if path.is_dir():
        return _folder(path)
    return FoundRecording(path) if is_message_file(path) else None


def _is_recording_by_name(path: Path) -> bool:
    return is_message_file(path) or path.suffix in OTHERS and path.is_file()


def _is_pointer(path: Path) -> bool:
    return begins(path, len(POINTER)) == POINTER


def _journal(path: Path) -> FoundRecording | None:
    """Return the recording of a journal that is no longer written and has not become a bag."""
    bag = path.with_name(path.name.removesuffix(SUFFIX))
    if not path.is_file() or (bag / METADATA).exists() or is_open(path):
        return None
    if bag.exists() and not bag.is_dir():
        return FoundRecording(
            path, f"{path} is a journal whose bag cannot be made: a file is called {bag.name}; rename that"
        )
    return FoundRecording(
        path, f"{path}: its recorder ended before it closed the episode; run `il-ros recover {path.parent}`"
    )


def _folder(path: Path) -> FoundRecording | None:
    if (path / METADATA).exists():
        return FoundRecording(path, _trouble(path))
    if path.with_name(path.name + SUFFIX).exists():
        return None  # the journal stands for it
    if is_unclosed(path):
        return FoundRecording(path, str(metadata.missing(path)))
    if files := files_without_metadata(path):
        return FoundRecording(path, next((_NO_FILE.format(file) for file in files if _is_pointer(file)), ""))
    if (path / "meta" / "info.json").is_file():
        return FoundRecording(path, f"{path} is a data set of LeRobot's; name it by itself")
    inside = [each for each in path.iterdir() if is_message_file(each) or (each / METADATA).is_file()]
    if not inside:
        return None
    return FoundRecording(path, f"{path} holds {len(inside)} recordings of its own, and is none; name one of them")


def _trouble(bag: Path) -> str:
    """Return why a folder with ``metadata.yaml`` cannot be opened, or an empty text."""
    try:
        contents = metadata.read(bag)
    except DataError as error:
        return str(error)
    missing = [name for name in contents.files if not located(bag, name).is_file()]
    if not missing:
        return ""
    remedy = f"run `il-ros recover {bag.parent}`" if "digest" in contents.facts else NOT_OURS
    return f"{bag / missing[0]} is damaged: the file is missing; {remedy}"


def is_unclosed(folder: Path) -> bool:
    """Return whether it is an episode of our recorder whose ``metadata.yaml`` was lost, or not yet written."""
    if not folder.name.startswith("episode_") or (folder / METADATA).exists():
        return False
    files = [path for path in folder.glob("*.mcap") if path.is_file()]
    return len(files) == 1 and is_ours(files[0])


def is_ours(file: Path) -> bool:
    """Return whether our recorder wrote the MCAP file, by the name of the library in its header."""
    return LIBRARY.encode() in begins(file, _HEADER_BYTES)


def is_foreign(file: Path) -> bool:
    """Return whether the header says that another program wrote the MCAP file; a damaged header does not say so."""
    header = begins(file, _HEADER_BYTES)
    return header.startswith(MAGIC + bytes([Opcode.HEADER])) and LIBRARY.encode() not in header
