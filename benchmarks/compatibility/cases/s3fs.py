"""Lists and reads from a server on the loopback."""

import asyncio
import threading

import s3fs
from aiohttp import web

LISTING = """<ListBucketResult><Name>bucket</Name><KeyCount>1</KeyCount>
<IsTruncated>false</IsTruncated>
<Contents><Key>a.txt</Key><Size>5</Size><ETag>"e"</ETag>
<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"""
EXPECTED = [["bucket/a.txt"], 5, "hello"]


async def answer(request):
    if "list-type" in request.query:
        return web.Response(text=LISTING, content_type="application/xml")
    return web.Response(body=b"hello", headers={"ETag": '"e"'})


def use():
    loop = asyncio.new_event_loop()
    runner = None

    async def serve():
        nonlocal runner
        app = web.Application()
        app.router.add_get("/{tail:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner.addresses[0][1]

    threading.Thread(target=loop.run_forever, daemon=True).start()
    port = asyncio.run_coroutine_threadsafe(serve(), loop).result(10)
    store = s3fs.S3FileSystem(
        key="id", secret="s", endpoint_url=f"http://127.0.0.1:{port}", skip_instance_cache=True
    )
    found = store.ls("bucket", detail=True)
    text = store.cat("bucket/a.txt").decode()
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
    return [[item["name"] for item in found], found[0]["size"], text]
