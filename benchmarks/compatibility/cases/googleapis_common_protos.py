"""Messages of the common types."""

from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from google.type import latlng_pb2, money_pb2

EXPECTED = [{"currencyCode": "EUR", "units": "7"}, "0803120478797a74", [1.5, -2.5], "1.500s"]


def use():
    money = money_pb2.Money(currency_code="EUR", units=7)
    place = latlng_pb2.LatLng.FromString(
        latlng_pb2.LatLng(latitude=1.5, longitude=-2.5).SerializeToString()
    )
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(1500)
    status = status_pb2.Status(code=3, message="xyzt").SerializeToString().hex()
    delay = json_format.MessageToDict(retry)["retryDelay"]
    return [json_format.MessageToDict(money), status, [place.latitude, place.longitude], delay]
