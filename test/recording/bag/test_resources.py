# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""What reading a bag needs: room for temporary files, and memory that does not grow with the bag."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import zstandard
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from il_ros.core.atomic_io import write_temporary
from il_ros.core.errors import DataError, StorageError
from il_ros.recording.bag.reader import bytes_of, read

STORE = get_typestore(Stores.ROS2_JAZZY)
ARRAY = "std_msgs/msg/Float64MultiArray"


@contextlib.contextmanager
def largest_file(size):
    """No file may grow larger than ``size`` meanwhile, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def bag_of(path, count, width=100, mode=CompressionMode.NONE, plugin=StoragePlugin.MCAP):
    """A bag with messages of random numbers on two topics."""
    rng = np.random.default_rng(0)
    bulk = rng.normal(size=width)
    layout = STORE.types["std_msgs/msg/MultiArrayLayout"]([], 0)
    writer = Writer(path, version=9, storage_plugin=plugin)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        topics = [writer.add_connection(topic, ARRAY, typestore=STORE) for topic in ("/bulk", "/state")]
        for n in range(count):
            rng.shuffle(bulk[:100])
            for topic, numbers in zip(topics, (bulk, np.array([float(n)]))):
                data = STORE.serialize_cdr(STORE.types[ARRAY](layout, numbers), ARRAY)
                writer.write(topic, 1 + n * 10**6, data)
    return path


def values(path, topic="/state", field="data.0"):
    return read(path).columns({topic: [field]})[topic].values[:, 0].tolist()


@pytest.fixture
def packed(tmp_path):
    return bag_of(tmp_path / "packed", 500, mode=CompressionMode.FILE)


@pytest.mark.parametrize("plugin", list(StoragePlugin))
def test_a_file_that_cannot_be_unpacked_for_want_of_room_tells_where_and_what_to_set(tmp_path, il_ros_info, plugin):
    path = bag_of(tmp_path / "packed", 500, mode=CompressionMode.FILE, plugin=plugin)
    (file,) = path.glob("*.zstd")
    with largest_file(20_000):
        code, told = il_ros_info(path)
    assert code == StorageError.exit_code == 6
    assert f"{tempfile.gettempdir()} cannot be written" in told and str(file) in told and "set TMPDIR to" in told
    assert values(path) == list(range(500))


def test_what_needs_more_room_than_there_is_is_refused_before_anything_is_written(tmp_path):
    def pieces():
        raise AssertionError("written")
        yield b""

    (tmp_path / "il_ros_1").mkdir()
    with pytest.raises(StorageError, match="a folder with 1000000000000.0 MB free"):
        write_temporary(tmp_path / "il_ros_1" / "bag.mcap", pieces(), 10**18, tmp_path / "bag.mcap.zstd")


def test_no_folder_for_temporary_files_is_told(packed, monkeypatch):
    def none(*args, **kwargs):
        raise FileNotFoundError(2, "No usable temporary directory found in ['/a', '/b']")

    monkeypatch.setattr(tempfile, "mkdtemp", none)
    with pytest.raises(StorageError, match="No usable temporary directory .* set TMPDIR to"):
        values(packed)


def test_a_packed_file_is_read_however_it_was_packed_and_leaves_nothing_behind(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    (file,) = packed.glob("*.zstd")
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(file.read_bytes())
    half = len(plain) // 2
    unsized = zstandard.ZstdCompressor(write_content_size=False)
    for content in (unsized.compress(plain), zstandard.compress(plain[:half]) + zstandard.compress(plain[half:])):
        file.write_bytes(content)
        assert values(packed) == list(range(500))
    for content in (file.read_bytes()[:-2000], b"", b"no zstd"):
        file.write_bytes(content)
        with pytest.raises(DataError, match=r"packed.* (is damaged|cannot be decompressed)"):
            values(packed)
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.fixture
def il_ros_info(capsys):
    """The exit code of ``il-ros info``, and what it complained of."""
    from il_ros.cli import main

    def told(path):
        code = main(["info", str(path)])
        return code, capsys.readouterr().err

    return told


READ = """
import resource, sys
from pathlib import Path
from il_ros.recording.bag.reader import read

has = resource.getpagesize() * int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (has + 75_000_000, resource.RLIM_INFINITY))
for topic, field in (("/state", "data.0"), ("/bulk", "data.100000")):
    print(len(read(Path(sys.argv[1])).columns({topic: [field]})[topic].values))
"""


def test_memory_does_not_grow_with_the_bag_whatever_of_it_is_asked_for(tmp_path):
    """Seventy messages of 1 MB: nearly all of a bag that nobody asks for, or all of it asked for."""
    for plugin in StoragePlugin:
        path = bag_of(tmp_path / plugin.name, 70, 125_000, plugin=plugin)
        assert bytes_of(path) > 65e6
        child = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True)
        assert child.stdout.split() == ["70", "70"], child.stderr  # in 75 MB, of which a block is 4, and a message 1
