"""A completion that is answered without a network, and a count of tokens."""

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm

EXPECTED = ["hello", "openai", True]


def use():
    said = litellm.completion(
        model="gpt-4o", messages=[{"role": "user", "content": "hi"}], mock_response="hello"
    )
    provider = litellm.get_llm_provider("gpt-4o")[1]
    return [said.choices[0].message.content, provider, said.usage.completion_tokens > 0]
