BLOB = bytearray(20_000_000)
ROWS = {str(number): number for number in range(200_000)}


def handler(event, context):
    return {"rows": len(ROWS), "bytes": len(BLOB), "sum": sum(ROWS.values())}
