"""An answer of a model through a transport of its own."""

import httpx
from google import genai
from google.genai import types

EXPECTED = ["hello", "go", "STRING"]


def use():
    seen = []

    def answer(request):
        seen.append(request.read())
        part = {"content": {"parts": [{"text": "hello"}], "role": "model"}}
        return httpx.Response(200, json={"candidates": [part]})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    client = genai.Client(api_key="key", http_options=types.HttpOptions(httpx_client=http))
    said = client.models.generate_content(model="m", contents="go")
    assert b'"go"' in seen[0]
    schema = types.Schema.model_validate({"type": "STRING"})
    return [said.text, "go", schema.type.value]
