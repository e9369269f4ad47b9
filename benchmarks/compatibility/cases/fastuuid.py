"""UUIDs."""

import uuid

import fastuuid

EXPECTED = ["cfbff0d1-9375-5685-968c-48ce8b15ae17", 4, True]


def use():
    domain = fastuuid.uuid5(fastuuid.UUID(uuid.NAMESPACE_DNS.hex), b"example.com")
    same = fastuuid.UUID(int=7).hex == uuid.UUID(int=7).hex
    return [str(domain), fastuuid.uuid4().version, same]
