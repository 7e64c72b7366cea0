"""Compiled kernels on disk: a folder for each module, named by a digest of all that its kernels are made of.

    ROOT/inpaintkit.classic.telea-0123456789abcdef0123/
        _march_kernel-89abcdef01234567.nbc    one kernel for one signature
        _march_kernel.lock                    held while it is compiled
        used                                  touched when it is; after 30 days without, the folder goes

The digest covers the sources of the module and of what it imports at module level from its own package and from
inpaintkit, transitively, and the versions of what compiles them. An edit therefore leads to another folder, and
nothing in a folder is ever out of date.

A file holds one signature and is written whole, so what is loaded is right whoever else writes. The lock is there to
share the work: of two processes that need the same kernel one compiles it, and the other waits and loads it.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import pickle
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from importlib.machinery import ModuleSpec
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from inpaintkit.atomic import whole

if TYPE_CHECKING:
    from filelock import FileLock

_Import = tuple[str, tuple[str, ...]]  # a module, dots first where relative, and the names taken from it

_LOCKS, _USED, _IMPORTS = "*.lock", "used", "imports.json"
_DAY = 24 * 60 * 60  # seconds
_KEPT = 30 * _DAY  # without use
_PATIENCE = 300  # seconds to wait for another process's compilation, which is then done here as well
_REMEMBERED = 2000  # sources whose imports are kept
_STARTED = time.time()  # a source written after this may be newer than the code that was imported

_held: set[Path] = set()  # locks that this process holds; changed under numba's compiler lock only


def user_folder() -> Path:
    """The user's cache folder for this package, as the platform has it; it may not exist yet."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "inpaintkit"


def root() -> Path:
    """The folder of all compiled kernels: in ``NUMBA_CACHE_DIR`` where that is set, else in the user's cache."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(named) / "inpaintkit" if named else user_folder()).absolute() / "kernels"


def clear() -> tuple[int, int]:
    """Remove all compiled kernels; gives how many there were and their bytes."""
    sizes = [path.stat().st_size for path in root().glob("*/*.nbc")]
    if root().exists():
        shutil.rmtree(root())
    return len(sizes), sum(sizes)


class ModuleCache:
    """The compiled kernels of one module; without a digest it keeps nothing."""

    def __init__(self, module: str, file: str, versions: str) -> None:
        self._module, self._file, self._versions = module, file, versions

    @cached_property
    def folder(self) -> Path | None:
        """Where the kernels lie, None where they cannot be kept. Asked for late, when all modules are imported."""
        try:
            folder = root()
        except RuntimeError:  # no home
            return None
        digest = _digest(self._module, self._file, self._versions)
        return folder / f"{self._module}-{digest[:20]}" if digest else None

    def holds(self, name: str, key: Any) -> bool:
        """Whether a compiled kernel is there."""
        path = self._path(name, key)
        return path is not None and path.exists()

    def load(self, name: str, key: Any) -> Any:
        """What was saved under a key, None where there is nothing or it is damaged."""
        path = self._path(name, key)
        if path is None:
            return None
        try:
            checksum, body = _parted(path.read_bytes())
        except OSError:
            return None
        if hashlib.sha256(body).digest() != checksum:
            return None
        saved, data = pickle.loads(body)
        if saved != key:
            return None
        _touch(path.parent / _USED, create=False)
        return data

    def save(self, name: str, key: Any, body: bytes) -> None:
        """Keep the pickle of a key and its data. Raises OSError where that is impossible."""
        path = self._path(name, key)
        if path is None:
            return
        _make(path.parent)
        _write(path, hashlib.sha256(body).digest() + body)

    @contextmanager
    def compiling(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """Hold a kernel's lock, if it can be had; gives whether this process holds it.

        A process that holds one lock does not wait for another, so no two can wait for each other.
        """
        path = None if self.folder is None else self.folder / f"{name}.lock"
        lock = None if path is None or path in _held else _locked(path, _PATIENCE if wait and not _held else 0)
        if path is None or lock is None:
            yield path in _held
            return
        _held.add(path)
        try:
            yield True
        finally:
            _held.discard(path)
            lock.release()

    def can_be_kept(self) -> bool:
        """Whether what is compiled can be written to the folder."""
        with suppress(OSError):
            if self.folder is not None:
                _make(self.folder)
                return os.access(self.folder, os.W_OK)
        return False

    def _path(self, name: str, key: Any) -> Path | None:
        if self.folder is None:
            return None
        return self.folder / f"{name}-{hashlib.sha256(str(key).encode()).hexdigest()[:16]}.nbc"


def _parted(content: bytes) -> tuple[bytes, bytes]:
    size = hashlib.sha256().digest_size
    return content[:size], content[size:]


def _locked(path: Path, wait: float) -> FileLock | None:
    """A lock, held; None where it is not free in time, or the place allows no locks."""
    from filelock import FileLock  # not above: its import costs more than loading all kernels of a method

    try:
        _make(path.parent)
        lock = FileLock(path, thread_local=False)
        lock.acquire(timeout=wait)
    except (OSError, NotImplementedError):
        return None
    return lock


def _make(folder: Path) -> None:
    """Make a folder for a module. That is rare, and a good time to remove what is no longer used."""
    if not folder.is_dir():
        _remove_unused(folder.parent)
        folder.mkdir(parents=True, exist_ok=True)
    _touch(folder / _USED, create=True)


def _touch(stamp: Path, *, create: bool) -> None:
    """Note that a folder is in use, once a day."""
    with suppress(OSError):  # a folder that can only be read serves as well
        if stamp.exists():
            if time.time() - stamp.stat().st_mtime > _DAY:
                os.utime(stamp)
        elif create:
            stamp.touch()


def _remove_unused(folder: Path) -> None:
    """Remove the modules' folders that have not been used for long; one that is locked stays."""
    with suppress(OSError):
        for stamp in folder.glob(f"*/{_USED}"):
            if time.time() - stamp.stat().st_mtime < _KEPT:
                continue
            locks = [_locked(path, 0) for path in stamp.parent.glob(_LOCKS)]
            if all(locks):
                shutil.rmtree(stamp.parent, ignore_errors=True)
            for lock in locks:
                if lock:
                    lock.release()


def _write(path: Path, content: bytes) -> None:
    with whole(path, flush=False) as file:  # a damaged one is noticed and written anew
        file.write(content)


@cache
def _digest(module: str, file: str, versions: str) -> str | None:
    """A name for the state of everything that a module's kernels are made of, None where that is unknown."""
    sources = Sources()
    content = sources.read(module, file)
    if content is None:
        return None
    everything = hashlib.sha256(versions.encode())
    for name, digest in sorted(sources.closure(module, content).items()):
        everything.update(f"\n{name} {digest}".encode())
    sources.remember()
    return None if sources.edited else everything.hexdigest()


class Sources:
    """Reads modules' sources and follows their imports. Nothing is imported for it."""

    def __init__(self) -> None:
        self.edited = False  # whether a source was written after this process began: not what it runs, perhaps
        self._imports = _remembered_imports()
        self._new: dict[str, list[_Import]] = {}

    def closure(self, module: str, content: bytes) -> dict[str, str]:
        """Digests of the sources of a module and of what it imports from its package and from inpaintkit."""
        packages = {module.partition(".")[0], "inpaintkit"}
        digests: dict[str, str] = {}
        found = {module: content}
        while found:
            name, content = found.popitem()
            digests[name] = hashlib.sha256(content).hexdigest()
            for imported in self._modules(name, content, digests[name]):
                if imported.partition(".")[0] in packages and imported not in digests and imported not in found:
                    source = self.read(imported)
                    if source is not None:
                        found[imported] = source
        return digests

    def read(self, module: str, file: str | None = None) -> bytes | None:
        """The source of a module, or None if it cannot be found."""
        spec = _spec(module)
        origin = file or (spec.origin if spec and spec.has_location else None)
        if origin is None:
            return None
        try:
            self.edited = self.edited or os.stat(origin).st_mtime > _STARTED
            return Path(origin).read_bytes()
        except OSError:  # in a zip file, perhaps
            reader = getattr(spec.loader, "get_data", None) if spec else None
            with suppress(OSError):
                return bytes(reader(origin)) if reader else None
            return None

    def remember(self) -> None:
        """Keep the imports that were found: parsing takes far longer than all the rest."""
        if self._new:
            known = self._imports if len(self._imports) < _REMEMBERED else {}
            with suppress(OSError):
                root().mkdir(parents=True, exist_ok=True)
                _write(root() / _IMPORTS, json.dumps({**known, **self._new}).encode())
            _remembered_imports.cache_clear()

    def _modules(self, module: str, content: bytes, digest: str) -> Iterator[str]:
        """Full names of the modules that a source may take something from."""
        spec = _spec(module)
        package = module if spec and spec.submodule_search_locations is not None else module.rpartition(".")[0]
        for target, names in self._imports_of(content, digest):
            with suppress(ImportError):  # more dots than packages
                full = resolve_name(target, package)
                if not names:
                    parts = full.split(".")
                    yield from (".".join(parts[: n + 1]) for n in range(len(parts)))
                elif not all(_is_module(full, name) for name in names):
                    yield full
                yield from (f"{full}.{name}" for name in names)

    def _imports_of(self, content: bytes, digest: str) -> list[_Import]:
        if digest not in self._imports and digest not in self._new:
            try:
                self._new[digest] = list(_imports(ast.parse(content).body))
            except (SyntaxError, ValueError):  # compiled code
                self._new[digest] = []
        return self._new[digest] if digest in self._new else self._imports[digest]


@cache
def _remembered_imports() -> dict[str, list[_Import]]:
    with suppress(OSError, ValueError):
        remembered: dict[str, list[_Import]] = json.loads((root() / _IMPORTS).read_bytes())
        return remembered
    return {}


def _imports(body: Iterable[ast.AST]) -> Iterator[_Import]:
    """What module-level statements import, in blocks as well, but not what only a type checker sees."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), tuple(alias.name for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from _imports(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            yield from _imports(ast.iter_child_nodes(node))


def _is_module(package: str, name: str) -> bool:
    """Whether a name that is imported from a package is a module in it, and the package holds no other thing there."""
    value = getattr(sys.modules.get(package), name, None)
    return isinstance(value, ModuleType) and value.__name__ == f"{package}.{name}"


def _spec(module: str) -> ModuleSpec | None:
    """Where a module comes from, found without importing it or its package."""
    spec: ModuleSpec | None = getattr(sys.modules.get(module), "__spec__", None)
    if spec:
        return spec
    package = module.rpartition(".")[0]
    path = getattr(sys.modules.get(package), "__path__", None)
    if package and path is None:
        parent = _spec(package)
        path = parent.submodule_search_locations if parent else None
        if path is None:
            return None
    for finder in sys.meta_path:
        found = finder.find_spec(module, path)
        if found:
            return found
    return None
