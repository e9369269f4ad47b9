from pathlib import Path

file = (Path(__file__).parent / "rates.csv").open()
first = file.readline()
