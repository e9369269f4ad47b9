"""What functions do with the CPU: each event names one kernel."""

import hashlib
import json
import re

LINE = re.compile(r'(\S+) - - \[([^]]+)\] "(\w+) (\S+)" (\d{3}) (\d+)')


def group(event):
    """Records grouped and summed."""
    totals = {}
    for number in range(20_000):
        row = {"shop": number % 37, "item": f"i{number % 101}", "count": number % 7}
        shop = totals.setdefault(row["shop"], {})
        shop[row["item"]] = shop.get(row["item"], 0) + row["count"]
    return sum(len(shop) for shop in totals.values())


def text(event):
    """Lines of an access log taken apart."""
    lines = [
        f'10.0.{n % 256}.7 - - [01/Jan/2026:00:00:{n % 60:02}] "GET /item/{n}?q=a" 200 {n * 17}'
        for n in range(2_000)
    ]
    total = 0
    for line in lines:
        address, when, method, path, status, size = LINE.match(line).groups()
        query = dict(pair.split("=") for pair in path.partition("?")[2].split("&"))
        total += int(size) + len(when.split(":")) + len(query) + address.count(".")
        total += method.lower() == "get" and status.startswith("2")
    return total


def nbody(event):
    """Four bodies that attract each other, step by step."""
    bodies = [[float(i), i * 0.5, -i * 0.25, 0.0, 0.1 * i, 0.0, 1.0 / (i + 1)] for i in range(4)]
    for _ in range(500):
        for i, a in enumerate(bodies):
            for b in bodies[i + 1 :]:
                dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
                pull = 0.001 / (dx * dx + dy * dy + dz * dz + 0.01) ** 1.5
                for axis, distance in ((3, dx), (4, dy), (5, dz)):
                    a[axis] -= distance * b[6] * pull
                    b[axis] += distance * a[6] * pull
        for body in bodies:
            for axis in range(3):
                body[axis] += 0.001 * body[axis + 3]
    return round(sum(body[0] for body in bodies), 9)


def sha256(event):
    """A megabyte hashed."""
    return hashlib.sha256(bytes(1_000_000)).hexdigest()[:16]


def json_round(event):
    """A document of about the size in the event, read and written."""
    size = event["size"]
    if size not in _documents:
        row = {"id": 1, "name": "plüm", "price": 0.45, "tags": ["a", "b"], "stock": None}
        _documents[size] = json.dumps([row | {"id": n} for n in range(max(1, size // 78))])
    return len(json.dumps(json.loads(_documents[size]))) == len(_documents[size])


_documents = {}
KERNELS = {"group": group, "text": text, "nbody": nbody, "sha256": sha256, "json": json_round}


def handler(event, context):
    return {"kernel": event["kernel"], "result": KERNELS[event["kernel"]](event)}
