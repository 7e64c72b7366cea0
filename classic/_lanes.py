"""Sixteen floats, or eight, as one value in a kernel: explicit vectors where the compiler would not find them itself.

What ``load`` gives stays in registers (two of AVX2, one of AVX-512) until ``store``; loops over slices would read and
write memory for every product, and work on short runs one by one. Eight waste less on runs of a few pixels. Values are
added, subtracted, multiplied and divided lane by lane, as ``fastmath`` does. All of it works in kernels only, on
contiguous arrays (n,); an index is not checked, and not counted from the end.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

from inpaintkit.arrays import F32x1

LANES = 16
EIGHT = 8

_FLOAT, _INT, _INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_FAST = ("fast",)
_OPERATORS = {
    **dict.fromkeys((operator.add, operator.iadd), "fadd"),
    **dict.fromkeys((operator.sub, operator.isub), "fsub"),
    operator.mul: "fmul",
    operator.truediv: "fdiv",
}


class Lanes(Protocol):
    """The value, as type checkers see it."""

    def __add__(self, other: Lanes) -> Lanes: ...
    def __sub__(self, other: Lanes) -> Lanes: ...
    def __mul__(self, other: Lanes) -> Lanes: ...
    def __truediv__(self, other: Lanes) -> Lanes: ...


class _Lanes(types.Type):  # type: ignore[misc,unused-ignore]
    """The value, as numba sees it."""

    def __init__(self, count: int) -> None:
        super().__init__(f"Lanes{count}")
        self.count = count
        self.vector = ir.VectorType(_FLOAT, count)


_lanes, _eight = _Lanes(LANES), _Lanes(EIGHT)


@register_model(_Lanes)
class _Model(models.PrimitiveModel):  # type: ignore[misc,unused-ignore]
    """The value, as LLVM sees it."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, kind.vector)  # type: ignore[no-untyped-call,unused-ignore]


def _operator(symbol: Any, name: str) -> None:
    """Let two values be added, say."""

    @type_callable(symbol)
    def typed(context: Any) -> Any:
        return lambda first, second: first if first == second and isinstance(first, _Lanes) else None

    @lower_builtin(symbol, _Lanes, _Lanes)  # type: ignore[untyped-decorator,unused-ignore]
    def lowered(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, name)(*arguments, flags=_FAST)


for _symbol, _name in _OPERATORS.items():
    _operator(_symbol, _name)


def _load(context: Any, array: Any, index: Any) -> Any:
    return _loaded(_lanes, array)


def _load_eight(context: Any, array: Any, index: Any) -> Any:
    return _loaded(_eight, array)


def _loaded(lanes: Any, array: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, lanes, signature.args[0], *arguments), align=4)

    return lanes(array, types.intp), emit


def _store(context: Any, array: Any, index: Any, lanes: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, (array, index, value) = signature.args[0], arguments
        builder.store(value, _address(context, builder, lanes, kind, array, index), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), emit


def _splat(context: Any, value: Any) -> Any:
    return _lanes(types.float32), lambda context, builder, signature, arguments: _everywhere(builder, *arguments)


def _splat_eight(context: Any, value: Any) -> Any:
    return _eight(types.float32), lambda context, builder, signature, arguments: _everywhere(
        builder, arguments[0], EIGHT
    )


def _spread(context: Any, array: Any, index: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return _everywhere(builder, builder.load(builder.gep(data, [arguments[1]]), align=4))

    return _lanes(array, types.intp), emit


def _reduced(context: Any, lanes: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_FLOAT, [_FLOAT, lanes.vector])
        function = _declared(builder.module, f"llvm.vector.reduce.fadd.v{lanes.count}f32", kind)
        return builder.call(function, [ir.Constant(_FLOAT, 0.0), *arguments], fastmath=_FAST)

    return types.float32(lanes), emit


def _of_one(name: str) -> Any:
    """What LLVM calls ``name``, lane by lane."""

    def typed(context: Any, lanes: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = ir.FunctionType(lanes.vector, [lanes.vector])
            return builder.call(_declared(builder.module, f"llvm.{name}.v{lanes.count}f32", kind), arguments)

        return lanes(lanes), emit

    return typed


def _larger(context: Any, first: Any, second: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)

    return first(first, first), emit


def _smaller(context: Any, first: Any, second: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *arguments), *arguments)

    return first(first, first), emit


def _where(context: Any, first: Any, second: Any, yes: Any, no: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first, second, yes, no = arguments
        return builder.select(builder.fcmp_ordered(">", first, second), yes, no)

    return first(first, first, first, first), emit


def _within(context: Any, lanes: Any, limit: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        which = builder.fcmp_ordered("<=", arguments[0], _everywhere(builder, arguments[1]))
        return builder.zext(builder.ctpop(builder.bitcast(which, ir.IntType(LANES))), _INT64)

    return types.int64(_lanes, types.float32), emit


def _of_bits(context: Any, bits: Any) -> Any:
    return types.float32(types.int64), lambda context, builder, signature, arguments: builder.bitcast(
        builder.trunc(arguments[0], _INT), _FLOAT
    )


def _address(context: Any, builder: Any, lanes: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), lanes.vector.as_pointer())


def _everywhere(builder: Any, value: Any, count: int = LANES) -> Any:
    nothing = ir.Constant(ir.VectorType(_FLOAT, count), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_INT, count), [0] * count))


def _declared(module: Any, name: str, kind: Any) -> Any:
    return module.globals.get(name) or ir.Function(module, kind, name)


load = cast(Callable[[F32x1, int], Lanes], intrinsic(_load))  # array[index : index + LANES]
load_eight = cast(Callable[[F32x1, int], Lanes], intrinsic(_load_eight))  # array[index : index + EIGHT]
store = cast(Callable[[F32x1, int, Lanes], None], intrinsic(_store))  # array[index : ...] = lanes
splat = cast(Callable[[np.float32], Lanes], intrinsic(_splat))  # a number in every lane
splat_eight = cast(Callable[[np.float32], Lanes], intrinsic(_splat_eight))  # in each of eight
spread = cast(Callable[[F32x1, int], Lanes], intrinsic(_spread))  # array[index] in every lane
reduced = cast(Callable[[Lanes], np.float32], intrinsic(_reduced))  # the sum of all lanes
root = cast(Callable[[Lanes], Lanes], intrinsic(_of_one("sqrt")))  # the square roots
larger = cast(Callable[[Lanes, Lanes], Lanes], intrinsic(_larger))  # the larger number, lane by lane
smaller = cast(Callable[[Lanes, Lanes], Lanes], intrinsic(_smaller))  # the smaller number, lane by lane
magnitude = cast(Callable[[Lanes], Lanes], intrinsic(_of_one("fabs")))  # without the sign
where = cast(Callable[[Lanes, Lanes, Lanes, Lanes], Lanes], intrinsic(_where))  # first > second ? third : fourth
within = cast(Callable[[Lanes, np.float32], int], intrinsic(_within))  # how many lanes are not above a limit
of_bits = cast(Callable[[int], np.float32], intrinsic(_of_bits))  # the number that the lowest 32 bits are
