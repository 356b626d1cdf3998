# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Every Python file begins with the two lines of REUSE: copyright and SPDX identifier.

``reuse lint`` would want a copy of the licence and a list of all other files besides, and then check no more than this.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("il_ros", "benchmarks", "studies", "examples", "tools", "launch", "test")
FILES = [ROOT / "setup.py", *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))]
HEADER = "# Copyright 2026 The il_ros authors\n# SPDX-License-Identifier: Apache-2.0\n"


@pytest.mark.parametrize("folder", ["setup.py", *FOLDERS])
def test_every_python_file_begins_with_copyright_and_licence(folder: str) -> None:
    files = [path for path in FILES if path.relative_to(ROOT).parts[0] == folder]
    without = [str(path.relative_to(ROOT)) for path in files if not path.read_text(encoding="utf-8").startswith(HEADER)]
    assert files and without == []
