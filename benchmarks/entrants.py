"""The entrants of a run: a method of the registry, a folder of a model's results, or an exported network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inpaintkit import registry
from inpaintkit.api import inpaint
from inpaintkit.batch import pictures, read_option
from inpaintkit.benchmarks.networks import Network, conventions_of
from inpaintkit.files import read
from inpaintkit.info import Info
from inpaintkit.options import kinds_of
from inpaintkit.picture import PictureOption
from inpaintkit.problem import Mask


@dataclass(frozen=True)
class Entrant:
    """One column of the tables.

    Attributes
    ----------
    name : as the tables show it, and the name of its folder in the run.
    kind : "method" of the registry, "results" from a folder, "model" from a file.
    path : the folder or the file.
    conventions : of a model: a YAML or a built-in name; None takes the YAML beside the file or of the entrant's name.
    composite : take known pixels from the picture; False keeps those of a folder of results.
    resize : scale results of another size to the picture's (the report says so); otherwise they are an error.
    method, options : of a method: its name in the registry, where it is not ``name``, and its options.
    """

    name: str
    kind: Literal["method", "results", "model"] = "method"
    path: Path | None = None
    conventions: str | None = None
    composite: bool = True
    resize: bool = False
    method: str = ""
    options: tuple[tuple[str, Any], ...] = ()

    def fill(
        self, picture: NDArray[Any], hole: Mask, names: tuple[str, ...], seed: int, threads: int | None
    ) -> tuple[NDArray[Any], Info | None, dict[str, Any]]:
        """The filled picture, its ``Info`` if a method made it, and facts for the report.

        Parameters
        ----------
        picture : uint8 or uint16 (H, W) or (H, W, 3), nothing of the truth under the hole.
        names : the stems a result may have, the likeliest first.

        Raises
        ------
        ContextError : the method cannot fill this hole.
        ValueError : no result, more than one, or one of another size.
        """
        if self.kind == "results":
            return self._result(picture, hole, names)
        method = self.network() if self.kind == "model" else self.method or self.name
        options = {
            key: read_option(self.method, key, value) if isinstance(value, Path) else value
            for key, value in self.options
        }
        asked: dict[str, Any] = {"seed": seed, "threads": threads, **options}
        filled, info = inpaint(picture, hole, method, return_info=True, **asked)
        return filled, info, {}

    def network(self) -> Network:
        """The row of an exported network."""
        assert self.path is not None
        return Network.of(self.name, self.path, conventions_of(self.name, self.path, self.conventions))

    def _result(
        self, picture: NDArray[Any], hole: Mask, names: tuple[str, ...]
    ) -> tuple[NDArray[Any], None, dict[str, Any]]:
        assert self.path is not None
        stems = _stems(self.path)
        file = next((files for name in names if (files := stems.get(name))), ())
        if len(file) != 1:
            raise ValueError(
                f"{self.path} holds {len(file) or 'no'} results for {names[0]}: name one "
                f"{' or '.join(f'{name}.png' for name in names)}"
            )
        result, facts = read(file[0]), {}
        if result.dtype != picture.dtype:
            raise ValueError(f"{file[0]} is {result.dtype}, the picture {picture.dtype}: save it in the same depth")
        result = _like(result, picture)
        if result.shape != picture.shape:
            if not self.resize:
                raise ValueError(
                    f"{file[0]} is {result.shape[:2]}, the picture {picture.shape[:2]}: give results of the pictures' "
                    "size, or have them scaled with --resize-results"
                )
            facts["resized"] = f"{result.shape[1]} x {result.shape[0]}"
            result = cv2.resize(result, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC).reshape(picture.shape)
        if self.composite:
            result = np.where(hole if picture.ndim == 2 else hole[..., None], result, picture)
        return result, None, facts


def entrants(
    methods: Iterable[str],
    results: Iterable[str] = (),
    models: Iterable[str] = (),
    given: Iterable[str] = (),
    *,
    composite: bool = True,
    resize: bool = False,
) -> list[Entrant]:
    """The entrants that a command names, checked before anything runs.

    Parameters
    ----------
    methods : names of the registry, with options as in ``telea:radius=3,variant=paper``.
    results, models, given : NAME=DIR, NAME=FILE and, for models, NAME=YAML.

    Raises
    ------
    ValueError : a name that is unknown or used twice, or a path that is not there.
    """
    yamls = dict(_pair("--conventions", text) for text in given)
    found = [_method(text) for text in methods]
    for text in results:
        name, path = _pair("--results", text)
        if not Path(path).is_dir():
            raise ValueError(f"--results {text}: {path} is not a folder")
        found.append(Entrant(name, "results", Path(path).resolve(), composite=composite, resize=resize))
    for text in models:
        name, path = _pair("--model", text)
        if not Path(path).is_file():
            raise ValueError(f"--model {text}: {path} does not exist")
        rules = yamls.pop(name, None)
        rules = str(Path(rules).resolve()) if rules and Path(rules).is_file() else rules
        found.append(Entrant(name, "model", Path(path).resolve(), rules))
        found[-1].network()
    if yamls:
        raise ValueError(f"--conventions names {', '.join(yamls)}, which no --model names")
    names = [each.name for each in found]
    for each in found:
        if names.count(each.name) > 1 or (each.kind != "method" and each.name in (*registry.methods(), "auto")):
            raise ValueError(f"the name {each.name} is taken: give every method, folder and model its own")
    if not found:
        raise ValueError("no entrant: name --methods, --results or --model")
    return found


def words(text: str) -> list[str]:
    """The parts of A,B:OPTION=VALUE,OPTION=VALUE,C; a comma before an option belongs to what it is an option of."""
    found: list[str] = []
    for word in filter(None, (word.strip() for word in text.split(","))):
        if found and "=" in word and ":" not in word:
            found[-1] += f",{word}"
        else:
            found.append(word)
    return found


def _method(text: str) -> Entrant:
    import yaml

    name, _, spelled = text.partition(":")
    given = dict(_pair("--methods", word, "OPTION=VALUE") for word in spelled.split(",") if word)
    parameters = registry.find(name).parameters()
    options = {
        key: _placed(yaml.safe_load(value), kinds_of(parameters[key].annotation) if key in parameters else ())
        for key, value in given.items()
    }
    read = {key: read_option(name, key, value) if isinstance(value, Path) else value for key, value in options.items()}
    registry.find(name).options(read)  # an error now, not at the first fill
    called = " ".join([name, *(f"{key}={value}" for key, value in given.items())])
    return Entrant(called, method=name, options=tuple(options.items()))


def _placed(value: Any, kinds: tuple[Any, ...]) -> Any:
    """An option's value: a file's name as the path from anywhere, of a picture's file as a ``Path``."""
    if not isinstance(value, str):
        return value
    path = Path(value).expanduser().resolve()
    if any(isinstance(kind, type) and issubclass(kind, PictureOption) for kind in kinds):
        return path
    return str(path) if Path in kinds or (str in kinds and path.is_file()) else value


def _pair(option: str, text: str, form: str = "NAME=PATH") -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not value or "/" in name or "\\" in name or not name.strip("."):
        raise ValueError(f"{option} is {text!r}: expected {form}")
    return name, value


@cache
def _stems(folder: Path) -> dict[str, list[Path]]:
    """The pictures of a folder and its subfolders, by stem, and by a run's name for a picture in such a subfolder."""
    stems: dict[str, list[Path]] = {}
    for path in pictures(folder):
        for name in {path.stem, "__".join(path.relative_to(folder).with_suffix("").parts)}:
            stems.setdefault(name, []).append(path)
    return stems


def _like(result: NDArray[Any], picture: NDArray[Any]) -> NDArray[Any]:
    """A result with the picture's channels: alpha dropped, grey made of equal channels and the other way round."""
    if result.ndim == 3 and result.shape[2] in (2, 4):
        result = result[..., :-1]
    if result.ndim == 3 and result.shape[2] == 1:
        result = result[..., 0]
    if picture.ndim == 3 and result.ndim == 2:
        return np.repeat(result[..., None], 3, axis=2)
    if picture.ndim == 2 and result.ndim == 3:
        return np.asarray(np.rint(result.mean(axis=2)), result.dtype)
    return result
