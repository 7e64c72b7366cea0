"""Names for the arrays that kernels take: the element type, then the number of dimensions.

Type checkers read them; numba does not, and compiles a kernel for whatever arrays it is called with. What is compiled
before a kernel is called is for the types that its annotations name, the first where there are several.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

_1 = tuple[int]
_2 = tuple[int, int]
_3 = tuple[int, int, int]
_4 = tuple[int, int, int, int]

Array: TypeAlias = NDArray[Any]  # of a type or a number of dimensions that differs from call to call

Bool1: TypeAlias = np.ndarray[_1, np.dtype[np.bool_]]
Bool2: TypeAlias = np.ndarray[_2, np.dtype[np.bool_]]
Bool3: TypeAlias = np.ndarray[_3, np.dtype[np.bool_]]
U8x1: TypeAlias = np.ndarray[_1, np.dtype[np.uint8]]
U8x2: TypeAlias = np.ndarray[_2, np.dtype[np.uint8]]
U8x3: TypeAlias = np.ndarray[_3, np.dtype[np.uint8]]
I16x1: TypeAlias = np.ndarray[_1, np.dtype[np.int16]]
I16x2: TypeAlias = np.ndarray[_2, np.dtype[np.int16]]
I32x1: TypeAlias = np.ndarray[_1, np.dtype[np.int32]]
I32x2: TypeAlias = np.ndarray[_2, np.dtype[np.int32]]
I32x3: TypeAlias = np.ndarray[_3, np.dtype[np.int32]]
I64x1: TypeAlias = np.ndarray[_1, np.dtype[np.int64]]
I64x2: TypeAlias = np.ndarray[_2, np.dtype[np.int64]]
I64x3: TypeAlias = np.ndarray[_3, np.dtype[np.int64]]
F32x1: TypeAlias = np.ndarray[_1, np.dtype[np.float32]]
F32x2: TypeAlias = np.ndarray[_2, np.dtype[np.float32]]
F32x3: TypeAlias = np.ndarray[_3, np.dtype[np.float32]]
F32x4: TypeAlias = np.ndarray[_4, np.dtype[np.float32]]
C64x4: TypeAlias = np.ndarray[_4, np.dtype[np.complex64]]
F64x1: TypeAlias = np.ndarray[_1, np.dtype[np.float64]]
F64x2: TypeAlias = np.ndarray[_2, np.dtype[np.float64]]
F64x3: TypeAlias = np.ndarray[_3, np.dtype[np.float64]]
F64x4: TypeAlias = np.ndarray[_4, np.dtype[np.float64]]
