"""Puts one source of the runtime pack into a folder: fetch.py GIVEN INTO.

GIVEN has `source.json` (file, names, urls, sha256) and perhaps the archive. The hash decides.
Only the standard library: this runs before anything is installed, so that no change of the project
downloads a source again.
"""

import hashlib
import json
import pathlib
import shutil
import sys
import urllib.request

given, into = map(pathlib.Path, sys.argv[1:])
source = json.loads((given / "source.json").read_text())
into.mkdir(parents=True, exist_ok=True)
target = into / source["file"]
tried = []


def is_right() -> bool:
    return hashlib.sha256(target.read_bytes()).hexdigest() == source["sha256"]


for name in (source["file"], *source["names"]):
    if (given / name).is_file():
        shutil.copyfile(given / name, target)
        if is_right():
            sys.exit()
        tried.append(f"{name} in the build context: wrong content")
for url in source["urls"]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, target.open("wb") as out:  # noqa: S310
            shutil.copyfileobj(answer, out)
        if is_right():
            sys.exit()
        tried.append(f"{url}: wrong content")
    except OSError as error:
        tried.append(f"{url}: {error}")
target.unlink(missing_ok=True)
sys.exit(f"{source['file']} cannot be had: " + ("; ".join(tried) or "not given, no address known"))
