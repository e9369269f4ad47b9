"""Prime factors: of a very large package that takes long to import, one function is used."""

import sympy


def handler(event, context):
    factors = sympy.factorint(int(event["number"]))
    return {"factors": {str(prime): power for prime, power in factors.items()}}
