"""Routes, requests, passwords, a test client."""

from werkzeug.routing import Map, Rule
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

EXPECTED = [["user", {"number": 7}], "hello ada", True, "/user/7"]


@Request.application
def app(request):
    return Response("hello " + request.args["who"])


def use():
    urls = Map([Rule("/user/<int:number>", endpoint="user")]).bind("here")
    endpoint, values = urls.match("/user/7")
    hashed = generate_password_hash("secret", method="scrypt")
    said = Client(app).get("/?who=ada").get_data(as_text=True)
    return [
        [endpoint, values],
        said,
        check_password_hash(hashed, "secret"),
        urls.build("user", {"number": 7}),
    ]
