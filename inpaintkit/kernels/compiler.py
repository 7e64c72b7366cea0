"""numba's compiler with less to do: what a kernel calls is optimised once, together with the kernel.

numba compiles every function that a kernel calls as if somebody would call it by itself, down to machine code, and then
once more where it is inlined. Here such a function is a part: its LLVM code goes into the kernel's as it stands. Passes
are left out that do nothing for kernels, and the signatures of operators and of numpy's functions are remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import llvmlite.binding as llvm
from numba.core import compiler, typed_passes, types, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.registry import CPUDispatcher
from numba.core.target_extension import jit_registry
from numba.core.typing.context import Context

_MANGLED = "_ZN"  # how the names of functions begin that numba compiles

_ANY = "generic"  # the target that numpy's functions are written for; numba has no compiler of that name

_contexts: dict[tuple[str, str], _Context] = {}
_signatures: dict[Any, Any] = {}


class _Context(Context):  # type: ignore[misc,unused-ignore]
    """numba's typing context, remembering the signatures of built-in functions. All it knows is the other one's."""

    def __init__(self, other: Context) -> None:
        self.__dict__ = other.__dict__

    def resolve_function_type(self, function: Any, args: Any, kws: Any) -> Any:
        """The signature with which a function is called for these types of arguments."""
        if kws or not isinstance(function, types.Function):
            return self._resolved(function, args, kws)
        key = id(self), function, args
        if key not in _signatures:
            signature = self._resolved(function, args, kws)
            if signature is None:
                return None
            _signatures[key] = signature, function.get_impl_key(signature)
        signature, cast(Any, function)._impl_keys[signature.args] = _signatures[key]
        return signature

    def _resolved(self, function: Any, args: Any, kws: Any) -> Any:
        """numba's answer. Where numpy's functions are written in Python they are compiled for it, here as parts."""
        outermost = _ANY not in jit_registry
        if outermost:
            jit_registry[_ANY] = _part_of_numpy
        try:
            return super().resolve_function_type(function, args, kws)  # type: ignore[no-untyped-call,unused-ignore]
        finally:
            if outermost:
                del jit_registry[_ANY]


def _part_of_numpy(**options: Any) -> Callable[[Callable[..., Any]], Part]:
    return lambda function: Part(function, _NumpyCompiler, {"nopython": True, **options})


def _context_of(other: Context, flags: Any) -> _Context:
    """The context for kernels with these options, which numpy's functions take over from them."""
    return _contexts.setdefault((str(flags.fastmath), str(flags.forceinline)), _Context(other))


class _Code(JITCodeLibrary):  # type: ignore[misc,unused-ignore]
    """A kernel's LLVM code: functions are only tidied up before it is optimised as a whole."""

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout
        for function in module.functions:
            if not function.is_declaration:
                passes, builder = self._codegen._function_pass_manager(opt=1)
                passes.run(function, builder)

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            # Its parts are the kernel's own: of several kernels' copies all would call one, optimised for another.
            if function.linkage == llvm.Linkage.linkonce_odr and function.name.startswith(_MANGLED):
                function.linkage = "internal"
        super()._optimize_final_module()  # type: ignore[no-untyped-call,unused-ignore]


class _PartCode(_Code):
    """A part's LLVM code, left as it is for the kernels that it becomes part of."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()  # type: ignore[no-untyped-call,unused-ignore]
        self._finalized = True


def _code_for(kind: Any, state: Any) -> Any:
    return kind(state.targetctx.codegen(), state.func_id.func_qualname)


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(typed_passes.NativeLowering):  # type: ignore[misc,unused-ignore]
    """From numba's code to LLVM's and, for a kernel, to machine code."""

    _name = "inpaintkit_lowering"

    def run_pass(self, state: Any) -> bool:
        """Called by numba."""
        state.library = _code_for(_Code, state)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))  # type: ignore[no-untyped-call,unused-ignore]


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(typed_passes.NativeLowering):  # type: ignore[misc,unused-ignore]
    """From numba's code to LLVM's."""

    _name = "inpaintkit_part_lowering"

    def run_pass(self, state: Any) -> bool:
        """Called by numba."""
        state.library = _code_for(_PartCode, state)
        state.flags.no_compile = True
        super().run_pass(state)  # type: ignore[no-untyped-call,unused-ignore]
        state.cr = state.cr._replace(cfunc=state.library)  # by which callers find it
        state.targetctx.insert_user_function(state.library, state.cr.fndesc, [state.library])
        return True


class KernelCompiler(compiler.CompilerBase):  # type: ignore[misc,unused-ignore]
    """Compiles a kernel."""

    lowering: Any = _Lowering

    def __init__(self, typing: Any, target: Any, library: Any, args: Any, result: Any, flags: Any, given: Any) -> None:
        own = _context_of(typing, flags)
        super().__init__(own, target, library, args, result, flags, given)  # type: ignore[no-untyped-call,unused-ignore]

    def define_pipelines(self) -> list[Any]:
        """The passes in their order; called by numba."""
        manager = PassManager("inpaintkit")
        manager._ENFORCING = False
        for each in (
            untyped_passes.TranslateByteCode,
            untyped_passes.FixupArgs,
            untyped_passes.IRProcessing,
            untyped_passes.GenericRewrites,
            untyped_passes.RewriteDynamicRaises,
            untyped_passes.ReconstructSSA,
            typed_passes.NopythonTypeInference,
            typed_passes.PreLowerStripPhis,
            typed_passes.IRLegalization,
            typed_passes.AnnotateTypes,
            self.lowering,
            typed_passes.NoPythonBackend,
        ):
            manager.add_pass(each, each.__name__)
        manager.finalize()
        return [manager]


class PartCompiler(KernelCompiler):
    """Compiles what kernels call."""

    lowering = _PartLowering


class _NumpyCompiler(PartCompiler):
    """Compiles what kernels call of numpy's functions: numba's versions are written for all of its passes."""

    def define_pipelines(self) -> list[Any]:
        """numba's own passes but the last; called by numba."""
        manager = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        own = {typed_passes.NativeLowering: self.lowering}
        manager.passes = [(own.get(each, each), name) for each, name in manager.passes]
        manager.finalize()
        return [manager]


class Part(CPUDispatcher):  # type: ignore[misc,unused-ignore]
    """A function as a part of kernels that call it; Python cannot."""

    def __init__(self, function: Callable[..., Any], pipeline: type[PartCompiler], options: dict[str, Any]) -> None:
        super().__init__(function, {}, {**options, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}, pipeline)

    def add_overload(self, compiled: Any) -> None:
        """Keep what was compiled, as numba does for what Python may call."""
        self.overloads[tuple(compiled.signature.args)] = compiled
