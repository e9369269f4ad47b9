"""A request that it signs, answered on the loopback."""

import asyncio

from aiobotocore.session import get_session
from aiohttp import web

EXPECTED = [["a.txt"], "AWS4-HMAC-SHA256", True]
LISTING = "<ListBucketResult><Contents><Key>a.txt</Key></Contents></ListBucketResult>"


async def main():
    seen = []

    async def answer(request):
        seen.append(request.headers["Authorization"])
        return web.Response(text=LISTING, content_type="application/xml")

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    where = {
        "endpoint_url": f"http://127.0.0.1:{runner.addresses[0][1]}",
        "region_name": "eu-west-1",
        "aws_access_key_id": "id",
        "aws_secret_access_key": "secret",
    }
    async with get_session().create_client("s3", **where) as client:
        found = await client.list_objects_v2(Bucket="bucket")
        link = await client.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "a"})
    await runner.cleanup()
    return [[item["Key"] for item in found["Contents"]], seen[0].split()[0], "Signature=" in link]


def use():
    return asyncio.run(main())
