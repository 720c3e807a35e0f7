from __future__ import annotations

import hashlib
import lzma
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core import messages, tokens

SHA256 = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
MEBI = 2**20
both = pytest.mark.parametrize("encoder", tokens.ENCODERS)


def counted(payload: dict[str, Any], encoder: str = "o200k_base") -> tuple[int, bool]:
    [message] = messages.read(payload)
    return tokens.count(message, encoder)


@both
def test_the_ranks_are_the_ones_tiktoken_expects(encoder: str) -> None:
    packed = resources.files("sessions_app.core") / "ranks" / f"{encoder}.tiktoken.xz"
    assert hashlib.sha256(lzma.decompress(packed.read_bytes())).hexdigest() == SHA256[encoder]


def test_known_texts_have_their_known_tokens() -> None:
    assert tokens.encoding("cl100k_base").encode_ordinary("hello world") == [15339, 1917]
    assert tokens.encoding("o200k_base").encode_ordinary("hello world") == [24912, 2375]


@both
def test_patterns_and_special_tokens_are_tiktokens(
    encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = pytest.importorskip(
        "tiktoken_ext.openai_public", reason="tiktoken has moved its facts"
    )
    monkeypatch.setattr(public, "load_tiktoken_bpe", lambda *_, **__: {})
    theirs = getattr(public, encoder)()
    ours = tokens.encoding(encoder)
    assert ours._pat_str == theirs["pat_str"]
    assert ours._special_tokens == theirs["special_tokens"]


def test_importing_reads_no_ranks() -> None:
    code = "from sessions_app.core import tokens; assert not tokens._loaded"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_threads_share_one_encoder() -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(tokens.encoding, ["o200k_base"] * 32))
    assert len({id(encoder) for encoder in found}) == 1


def test_an_unknown_encoder_is_refused() -> None:
    with pytest.raises(ValueError, match="o200k_base"):
        tokens.encoding("gpt2")


@both
def test_special_tokens_in_a_text_are_counted_as_text(encoder: str) -> None:
    assert tokens.count_text("<|endoftext|>", encoder) > 1


@pytest.mark.long
@both
@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("a" * MEBI, MEBI // 2),
        (" " * MEBI, MEBI // 8),
        ("\N{GRINNING FACE}" * (MEBI // 4), MEBI),
        ("\n \n" * (MEBI // 3), MEBI),
        ("7" * MEBI, MEBI // 2),
    ],
    ids=["letter", "blanks", "emoji", "lines", "digits"],
)
def test_a_mebibyte_of_anything_is_counted(encoder: str, text: str, most: int) -> None:
    assert 0 < tokens.count_text(text, encoder) <= most
    assert counted({"role": "user", "content": text}, encoder) == (
        tokens.FRAMING + tokens.count_text(text, encoder),
        True,
    )


words = st.sampled_from(
    [
        "word",
        " ",
        "  ",
        "\n",
        " \n ",
        "\t",
        "it's",
        "I'LL",
        "12345",
        "...",
        "/",
        "(",
        "é",
        "中文",
        "\r\n",
        "\N{GRINNING FACE}",
        "\x1c",
        "\x85",
        "\u00a0",
        "don' t",
    ]
)


@given(
    st.lists(words, max_size=60).map("".join), st.integers(5, 40), st.sampled_from(tokens.ENCODERS)
)
def test_a_slice_at_a_word_changes_no_token(text: str, size: int, encoder: str) -> None:
    encode = tokens.encoding(encoder).encode_ordinary
    found = list(tokens.slices(text, size))
    assert "".join(piece for piece, _ in found) == text
    assert all(len(piece) <= size for piece, _ in found)
    if not any(cut for _, cut in found):
        assert [token for piece, _ in found for token in encode(piece)] == encode(text)


def test_a_long_prose_is_counted_exactly() -> None:
    text = "The quick brown fox, it's 12 years old.\n" * 5_000
    assert counted({"role": "user", "content": text}) == (
        tokens.FRAMING + len(tokens.encoding("o200k_base").encode_ordinary(text)),
        False,
    )


@pytest.mark.parametrize(
    ("model", "encoder"),
    [
        ("gpt-4o-mini", "o200k_base"),
        ("gpt-4.1", "o200k_base"),
        ("gpt-5.3-codex", "o200k_base"),
        ("o1", "o200k_base"),
        ("o3-mini", "o200k_base"),
        ("o4-mini-2025-04-16", "o200k_base"),
        ("openai/gpt-4o", "o200k_base"),
        ("ft:gpt-4o:org::id", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-3.5-turbo-0125", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
        ("claude-opus-4", None),
        ("o10", None),
        ("", None),
        (None, None),
    ],
)
def test_a_model_is_counted_with_its_familys_encoder(
    model: str | None, encoder: str | None
) -> None:
    assert tokens.family(model) == encoder


def test_a_message_costs_its_text_and_three_for_framing() -> None:
    assert counted({"role": "user", "content": "hello world"}) == (5, False)


def test_a_name_and_calls_and_reasoning_are_counted() -> None:
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "hello", "arguments": "hello world"},
    }
    payload = {
        "role": "assistant",
        "name": "hello",
        "reasoning_content": "hello",
        "tool_calls": [call],
    }
    assert counted(payload) == (3 + 1 + 1 + 1 + 2, False)


def test_our_own_fields_cost_nothing() -> None:
    payload = {"role": "user", "content": "hello world", "author": "ann", "metadata": {"a": "b"}}
    assert counted(payload) == (5, False)


@pytest.mark.parametrize(
    ("model", "estimated"), [("gpt-4o", False), ("gpt-4", True), ("claude-opus-4", True)]
)
def test_a_count_for_another_models_tokens_is_an_estimate(model: str, estimated: bool) -> None:
    assert counted({"role": "assistant", "content": "hello", "model": model}) == (4, estimated)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            tokens.IMAGE_TOKENS,
        ),
        ({"type": "file", "file": {"file_id": "f1"}}, tokens.FILE_TOKENS),
        ({"type": "file", "file": {"file_data": "A" * 4_000}}, 94),
        ({"type": "input_audio", "input_audio": {"data": "A" * 4_000, "format": "mp3"}}, 2),
    ],
)
def test_what_is_not_text_is_estimated(part: dict[str, Any], expected: int) -> None:
    assert counted({"role": "user", "content": [part]}) == (3 + expected, True)


def test_an_image_inside_a_tool_result_is_an_image() -> None:
    block = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "A" * 9_999},
    }
    result = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
    assert counted({"role": "user", "content": [result]}) == (3 + tokens.IMAGE_TOKENS, True)


def test_an_encrypted_thought_costs_something() -> None:
    item = {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "A" * 41}
    assert counted(item) == (3 + 11, True)


def test_system_and_tools_cost_three_more_when_there_are_any() -> None:
    assert tokens.count_system("hello world", "o200k_base") == 5
    assert tokens.count_system([{"type": "text", "text": "hello world"}], "o200k_base") == 5
    assert tokens.count_tools([{"a": 1}], "o200k_base") == 3 + tokens.count_text(
        '[{"a":1}]', "o200k_base"
    )
    nothings: tuple[Any, ...] = (None, "", [])
    for nothing in nothings:
        assert tokens.count_system(nothing, "o200k_base") == 0
        assert tokens.count_tools(nothing, "o200k_base") == 0
