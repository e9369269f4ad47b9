"""Writes the package `shop`: 300 modules, most of which import the one before."""

from pathlib import Path

folder = Path("shop")
folder.mkdir()
(folder / "__init__.py").touch()
names = [f"part{number:03}" for number in range(300)]
imports = "".join(f"from shop import {name}\n" for name in names)
total = f"sum([{', '.join(f'{name}.VALUE' for name in names)}])"
(folder / "all.py").write_text(f"{imports}\n\ndef total():\n    return {total}\n")
THREAD = "import threading\n\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
for number, name in enumerate(names):
    before = f"from shop.part{number - 1:03} import VALUE as BEFORE\n"
    body = f"{before}VALUE = BEFORE + 1\n"
    if number % 10 == 0 or number == 151:
        body = f"VALUE = {number}\n"
    if number == 150:
        body = THREAD + body
    (folder / f"{name}.py").write_text(body)
