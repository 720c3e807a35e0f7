"""Tokens counted offline, from ranks that come with the package.

Counting is exact for OpenAI's models. For others, and for what is not text, it is an estimate and
says so.
"""

from __future__ import annotations

import binascii
import lzma
import re
import threading
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Any

import orjson
import tiktoken

from sessions_app.core.forms import FORMS, otel
from sessions_app.core.messages import Message

ENCODERS = ("o200k_base", "cl100k_base")

FRAMING = 3
"""What a provider adds to each message for its role and its borders."""
IMAGE_TOKENS = 765
"""One image of 1024 x 1024 in high detail, as OpenAI charges it."""
FILE_TOKENS = 1_500
"""A file known only by its id or address: about one page of a PDF."""
FILE_BYTES_PER_TOKEN = 32
"""A PDF page of 50 kB costs some 1,500 tokens."""
AUDIO_BYTES_PER_TOKEN = 1_600
"""Ten tokens a second of audio at 128 kbit/s."""
OPAQUE_CHARACTERS_PER_TOKEN = 4
"""Encrypted thoughts are base64 of somewhat more than their text."""

SLICE = 50_000
"""Characters encoded at once: the encoder of o200k panics on a run of a million blanks."""

NEAR = 2_000
_WORD_END = re.compile(r"(?<=\S) ")

_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTIONS}",
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTIONS}",
    r"\p{N}{1,3}",
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
    r"\s*[\r\n]+",
    r"\s+(?!\S)",
    r"\s+",
)
_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)",
    r"[^\r\n\p{L}\p{N}]?+\p{L}++",
    r"\p{N}{1,3}+",
    r" ?[^\s\p{L}\p{N}]++[\r\n]*+",
    r"\s++$",
    r"\s*[\r\n]",
    r"\s+(?!\S)",
    r"\s",
)
_PATTERNS = {"o200k_base": "|".join(_O200K), "cl100k_base": "|".join(_CL100K)}
_SPECIAL = {
    "o200k_base": {"<|endoftext|>": 199_999, "<|endofprompt|>": 200_018},
    "cl100k_base": {
        "<|endoftext|>": 100_257,
        "<|fim_prefix|>": 100_258,
        "<|fim_middle|>": 100_259,
        "<|fim_suffix|>": 100_260,
        "<|endofprompt|>": 100_276,
    },
}
_FAMILIES = (
    (
        re.compile(r"(ft:)?(gpt-4o|gpt-4\.[15]|gpt-5|gpt-oss|chatgpt-4o|o[134])(?![0-9a-z])"),
        "o200k_base",
    ),
    (re.compile(r"(ft:)?(gpt-4|gpt-3\.5|gpt-35|text-embedding-3)(?![0-9a-z])"), "cl100k_base"),
)

_loaded: dict[str, tiktoken.Encoding] = {}
_loading = threading.Lock()


def encoding(name: str) -> tiktoken.Encoding:
    """The encoder called `name`, one of ENCODERS; read from package data at first use.

    Raises ValueError for any other name.
    """
    found = _loaded.get(name)
    if found is not None:
        return found
    if name not in ENCODERS:
        raise ValueError(f"There is no encoder {name!r}; take one of {', '.join(ENCODERS)}.")
    with _loading:
        if name not in _loaded:
            _loaded[name] = _load(name)
        return _loaded[name]


def preload(encoder: str) -> None:
    """Read the ranks now, so that the first message need not wait for them."""
    encoding(encoder)


def _load(name: str) -> tiktoken.Encoding:
    packed = resources.files("sessions_app.core") / "ranks" / f"{name}.tiktoken.xz"
    return tiktoken.Encoding(
        name,
        pat_str=_PATTERNS[name],
        mergeable_ranks=dict(_ranks(lzma.decompress(packed.read_bytes()))),
        special_tokens=_SPECIAL[name],
    )


def _ranks(table: bytes) -> Iterator[tuple[bytes, int]]:
    """Lines of `<base64> <rank>`, read without a Python step for each: there are 200,000."""
    words = table.split()
    return zip(map(binascii.a2b_base64, words[::2]), map(int, words[1::2]), strict=True)


def count_text(text: str, encoder: str) -> int:
    """Tokens of a text. What looks like a special token counts as the text it is."""
    return _text(text, encoder)[0]


def slices(text: str, size: int = SLICE) -> Iterator[tuple[str, bool]]:
    """The text in slices that can be encoded, each with whether its end cuts a run.

    A slice ends where a word's blank begins, which changes no token; only a run of `size`
    characters without such a place is cut in the middle.
    """
    start = 0
    while len(text) - start > size:
        end = _word_end(text, start, start + size)
        yield text[start : end or start + size], end is None
        start = end or start + size
    yield text[start:], False


def _word_end(text: str, start: int, end: int) -> int | None:
    """The last place in a slice where a blank follows a word. Its end is looked at first."""
    for begin in (max(start + 1, end - NEAR), start + 1):
        places = [found.start() for found in _WORD_END.finditer(text, begin, end)]
        if places:
            return places[-1]
    return None


def family(model: str | None) -> str | None:
    """The encoder a model's tokens are counted with; None for a model that is not known."""
    name = (model or "").rpartition("/")[2].lower()
    return next((encoder for pattern, encoder in _FAMILIES if pattern.match(name)), None)


def count(message: Message, encoder: str) -> tuple[int, bool]:
    """Tokens of all of a message that a model would be sent, and whether that is an estimate."""
    body = message.body
    if len(body) == 1 and isinstance(content := body.get("content"), str):
        tokens, guessed = _text(content, encoder)
        return FRAMING + tokens, guessed
    model = body.get("model")
    foreign = model is not None and family(model) != encoder
    name = [] if message.form == "responses" else [_text(body.get("name", ""), encoder)]
    found = FORMS[message.form].parts(message.role, body)
    tokens, guessed = _sum([*name, *(_part(part, encoder) for part in found)])
    return FRAMING + tokens, foreign or guessed


def _part(part: otel.Part, encoder: str) -> tuple[int, bool]:
    kind = part["type"]
    if kind == "text":
        return _text(part["content"], encoder)
    if kind == "reasoning":
        tokens, cut = _text(part["content"], encoder)
        opaque = -(-part.get("opaque", 0) // OPAQUE_CHARACTERS_PER_TOKEN)
        return tokens + opaque, cut or opaque > 0
    if kind == "tool_call":
        return _sum(
            _text(text, encoder) for text in (part["name"], otel.as_json(part["arguments"]))
        )
    if kind == "tool_call_response":
        return _response(part["response"], encoder)
    if kind == "generic":
        return _text(otel.as_json(part["value"]), encoder)[0], True
    return _media(part, encoder), True


def _response(content: str | list[otel.Part], encoder: str) -> tuple[int, bool]:
    if isinstance(content, str):
        return _text(content, encoder)
    return _sum(_part(part, encoder) for part in content)


def _media(part: otel.Part, encoder: str) -> int:
    modality = part.get("modality")
    if modality == "image":
        return IMAGE_TOKENS
    if part["type"] != "blob":
        return FILE_TOKENS + count_text(part.get("uri", ""), encoder)
    size = len(part["content"]) * 3 // 4
    return -(-size // (AUDIO_BYTES_PER_TOKEN if modality == "audio" else FILE_BYTES_PER_TOKEN))


def _text(text: str, encoder: str) -> tuple[int, bool]:
    """Tokens of a text, and whether a run in it had to be cut."""
    encode = encoding(encoder).encode_ordinary
    if len(text) <= SLICE:
        return len(encode(text)), False
    return _sum((len(encode(piece)), cut) for piece, cut in slices(text))


def _sum(counts: Iterable[tuple[int, bool]]) -> tuple[int, bool]:
    tokens, estimated = 0, False
    for counted, guessed in counts:
        tokens += counted
        estimated = estimated or guessed
    return tokens, estimated


def count_system(system: Any, encoder: str) -> int:
    """Tokens of a system text, plain or in blocks; 0 where there is none."""
    if otel.is_blank(system):
        return 0
    texts = [system] if isinstance(system, str) else [block["text"] for block in system]
    return FRAMING + sum(count_text(text, encoder) for text in texts)


def count_tools(tools: Any, encoder: str) -> int:
    """Tokens of tool definitions as compact JSON; 0 where there are none."""
    return FRAMING + count_text(orjson.dumps(tools).decode(), encoder) if tools else 0
