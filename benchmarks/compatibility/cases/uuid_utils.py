"""UUIDs, those with a time, too."""

import uuid_utils

EXPECTED = ["cfbff0d1-9375-5685-968c-48ce8b15ae17", 7, True, 4]


def use():
    domain = uuid_utils.uuid5(uuid_utils.NAMESPACE_DNS, "example.com")
    first, second = uuid_utils.uuid7(), uuid_utils.uuid7()
    return [str(domain), first.version, first < second, uuid_utils.uuid4().version]
