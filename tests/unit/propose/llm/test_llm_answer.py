from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warploom.propose.llm.answer import MOST_TOKENS, read_answer
from warploom.values.exchange import FINISHES, Usage


def body(message: Any = None, usage: Any = None, **choice: Any) -> bytes:
    choice = {"message": {"role": "assistant", "content": "hello"} if message is None else message, **choice}
    return json.dumps({"choices": [choice], "usage": usage}).encode()


def test_a_whole_answer() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "completion_tokens_details": {"reasoning_tokens": 3},
        "prompt_tokens_details": {"cached_tokens": 8},
        "cost": 0.25,
    }
    logprobs = {"content": [{"logprob": -1.0}, {"logprob": -3}]}
    answer = read_answer(body(usage=usage, finish_reason="stop", logprobs=logprobs))
    assert (answer.text, answer.finish, answer.error) == ("hello", "stop", "")
    assert answer.usage == Usage(10, 5, 3, 8)
    assert (answer.usd, answer.logprob) == (0.25, -2.0)


def test_parts_of_text_are_joined() -> None:
    content = [{"type": "text", "text": "one "}, {"type": "image"}, {"type": "text", "text": "two"}]
    assert read_answer(body({"content": content})).text == "one two"


def test_reasoning_that_only_the_total_counts_is_charged() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 100}
    assert read_answer(body(usage=usage)).usage == Usage(10, 90)


@pytest.mark.parametrize(
    ("sent", "finish", "error"),
    [
        (body(finish_reason="length"), "length", "cut off"),
        (body(finish_reason="content_filter"), "refusal", "content filter"),
        (body({"content": None, "refusal": "I will not."}), "refusal", "I will not."),
        (body({"content": ""}), "empty", "without text"),
        (body({"content": " \n"}), "empty", "without text"),
        (body({"content": None}), "empty", "without text"),
        (body({"content": 7}), "malformed", "is no text"),
        (body("words"), "malformed", "no message"),
        (b"", "malformed", "no JSON: nothing"),
        (b"<html>Bad gateway</html>", "malformed", "no JSON: <html>"),
        (b"[1]", "malformed", "no object"),
        (b'{"choices": []}', "malformed", "no message"),
        (b'{"error": {"message": "upstream\\nfailed"}}', "malformed", "upstream failed"),
        (b"[" * 100_000, "malformed", "no JSON"),
        (b"\xff\xfe{", "malformed", "no JSON"),
    ],
)
def test_answers_that_are_none(sent: bytes, finish: str, error: str) -> None:
    answer = read_answer(sent)
    assert answer.finish == finish
    assert error in answer.error


@pytest.mark.parametrize("count", [-1, True, "12", 1.5, None])
def test_a_count_that_is_none_leaves_the_usage_unknown(count: object) -> None:
    assert read_answer(body(usage={"prompt_tokens": count, "completion_tokens": 5})).usage is None


def test_an_absurd_count_breaks_no_sum() -> None:
    answer = read_answer(body(usage={"prompt_tokens": 10**40, "completion_tokens": 1, "cost": 10**400}))
    assert answer.usage == Usage(MOST_TOKENS, 1)
    assert answer.usd is None


def test_half_a_surrogate_is_replaced() -> None:
    answer = read_answer(b'{"choices": [{"message": {"content": "a\\ud800b"}}]}')
    assert answer.text == "a?b"
    answer.text.encode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=8,
)


@given(
    st.binary()
    | st.fixed_dictionaries(
        {},
        optional={
            "choices": st.lists(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "message": st.fixed_dictionaries({}, optional={"content": json_values, "refusal": json_values})
                        | json_values,
                        "finish_reason": json_values,
                        "logprobs": st.fixed_dictionaries({"content": json_values}) | json_values,
                    },
                )
                | json_values
            )
            | json_values,
            "usage": st.fixed_dictionaries(
                {"prompt_tokens": json_values, "completion_tokens": json_values, "prompt_tokens_details": json_values}
            )
            | json_values,
            "error": json_values,
        },
    ).map(lambda document: json.dumps(document).encode())
)
def test_nothing_that_a_server_sends_raises(sent: bytes) -> None:
    answer = read_answer(sent)
    assert answer.finish in FINISHES
    answer.text.encode()
    assert "\n" not in answer.error
