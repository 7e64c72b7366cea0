"""The process that compiles a method's kernels and those that load them give the same pixels.

Their rows list those kernels, with the types that they are called with.

All methods are compiled for it, in two groups that share little, so that two processes may take one each. Run first,
with ``NUMBA_CACHE_DIR`` naming an empty folder, this file leaves the compiled kernels there for the tests that follow.
"""

from __future__ import annotations

import json
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
import gc, json, sys
import numpy as np
import inpaintkit
from inpaintkit import kernels, regions

def called():  # where all is loaded from the cache, nothing else is in use
    every = [each for each in gc.get_objects() if issubclass(type(each), kernels._Kernel) and each.overloads]
    return {f"{each.__module__}:{each.__name__}": list(each.overloads) for each in every}

given, fills, wrong, so_far = np.load(sys.argv[1]), {}, {}, set(regions.KERNELS)
for name in sys.argv[3:]:
    row = inpaintkit.methods()[name]
    fills[name] = inpaintkit.inpaint(given["image"], given["mask"], row)
    found = called()
    own = row.kernels(row.options({})) if row.kernels else ()
    so_far |= set(own or found)
    wrong[name] = sorted(so_far ^ set(found))
    wrong[name] += [each for each in own if kernels._kernel_named(each)[1] not in found.get(each, [])]
np.savez(sys.argv[2], **fills)
print(json.dumps(wrong))
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
    for turn, threads in (("first", "2"), ("later", "1")):
        places = [tmp_path / "given.npz", tmp_path / f"{turn}.npz"]
        env = {**os.environ, "NUMBA_CACHE_DIR": str(cold), "INPAINTKIT_THREADS": threads}
        command = [sys.executable, "-c", FILL_ALL, *places, *names]
        done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE)
    # The later process compiles nothing and starts no other one: what it has loaded is what the fills have called.
    assert {name: rest for name, rest in json.loads(done.stdout).items() if rest} == {}, "rows list other kernels"
    first, later = (np.load(tmp_path / f"{turn}.npz") for turn in ("first", "later"))
    assert [name for name in names if not np.array_equal(first[name], later[name])] == []
    assert len(names) >= 4
