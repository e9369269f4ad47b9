import csv
from pathlib import Path

with (Path(__file__).parent / "rates.csv").open() as file:
    rates = dict(csv.reader(file))


def handler(event, context):
    return {"rates": rates}
