"""The process that compiles a method's kernels and those that load them give the same pixels.

All methods are compiled for it, in two groups that share little, so that two processes may take one each. Run first,
with ``NUMBA_CACHE_DIR`` naming an empty folder, this file leaves the compiled kernels there for the tests that follow.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import inpaintkit
from inpaintkit import damage

WAVES = ("telea", "coherence", "fsr", "ple")

FILL_ALL = """
import sys
import numpy as np
import inpaintkit

given = np.load(sys.argv[1])
np.savez(sys.argv[2], **{name: inpaintkit.inpaint(given["image"], given["mask"], name) for name in sys.argv[3:]})
"""


@pytest.mark.parametrize("group", ["waves", "plates"])
def test_the_first_fill_on_a_machine_equals_later_ones(group, tmp_path, photo):
    mask = damage.text((128, 128), size=20, seed=2)
    mask[50:74, 40:66] = True
    np.savez(tmp_path / "given.npz", image=photo(128).astype(np.float32) / 255, mask=mask)
    compiled = [name for name, row in inpaintkit.methods().items() if not row.needs]  # numba alone
    names = [name for name in compiled if (name in WAVES) == (group == "waves")]
    named = Path(os.environ.get("NUMBA_CACHE_DIR") or tmp_path)
    cold = tmp_path / "compiled" if any(named.glob(f"inpaintkit/kernels/inpaintkit.classic.{names[0]}-*")) else named
    for turn in ("first", "later"):
        places = [tmp_path / "given.npz", tmp_path / f"{turn}.npz"]
        command = [sys.executable, "-c", FILL_ALL, *places, *names]
        subprocess.run(command, env={**os.environ, "NUMBA_CACHE_DIR": str(cold)}, check=True)
    first, later = (np.load(tmp_path / f"{turn}.npz") for turn in ("first", "later"))
    assert [name for name in names if not np.array_equal(first[name], later[name])] == []
    assert len(names) >= 4
