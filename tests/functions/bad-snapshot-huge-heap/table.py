BLOB = bytes(220_000_000)
ROWS = [f"row {number}" for number in range(1_500_000)]
