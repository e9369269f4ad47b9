"""A chat completion and a stream, answered by a transport of its own."""

import openai

try:
    import httpx2 as httpx  # what its versions of late 2026 use
except ImportError:
    import httpx

EXPECTED = ["hello", "hi", "Bearer key", "NotFoundError"]
CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}
HEAD = {"id": "1", "created": 1, "model": "m"}
CHUNK = (
    '{"id":"1","object":"chat.completion.chunk","created":1,"model":"m",'
    '"choices":[{"index":0,"delta":{"content":"%s"}}]}'
)


def use():
    seen = []

    def answer(request):
        seen.append(request.headers["authorization"])
        if b"none" in request.content:
            return httpx.Response(404, json={"error": {"message": "no such model"}})
        if b'"stream":true' in request.content.replace(b" ", b""):
            lines = [f"data: {CHUNK % text}\n\n" for text in "hi"] + ["data: [DONE]\n\n"]
            return httpx.Response(
                200, text="".join(lines), headers={"content-type": "text/event-stream"}
            )
        return httpx.Response(200, json={**HEAD, "object": "chat.completion", "choices": [CHOICE]})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    client = openai.OpenAI(api_key="key", http_client=http, max_retries=0)
    messages = [{"role": "user", "content": "hi"}]
    said = client.chat.completions.create(model="m", messages=messages)
    chunks = client.chat.completions.create(model="m", messages=messages, stream=True)
    streamed = "".join(chunk.choices[0].delta.content for chunk in chunks)
    try:
        client.chat.completions.create(model="none", messages=messages)
        last = ""
    except openai.APIStatusError as error:
        last = type(error).__name__
    return [said.choices[0].message.content, streamed, seen[0], last]
