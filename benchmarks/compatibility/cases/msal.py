"""An assertion signed with a certificate, a cache of tokens."""

import jwt
import msal
from msal.oauth2cli.oidc import decode_id_token

EXPECTED = [0, "someone", ["client", None], True]


class Answers:
    """Stands for the network: the tenant's description."""

    def get(self, url, **options):
        return self

    status_code, headers = 200, {}
    text = (
        '{"authorization_endpoint": "https://login.microsoftonline.com/t/a",'
        ' "token_endpoint": "https://login.microsoftonline.com/t/t",'
        ' "issuer": "https://login.microsoftonline.com/t", "metadata": []}'
    )

    def raise_for_status(self):
        pass

    def close(self):
        pass


def use():
    app = msal.ConfidentialClientApplication(
        "client",
        client_credential="secret",
        authority="https://login.microsoftonline.com/t",
        http_client=Answers(),
    )
    token = jwt.encode(
        {"sub": "someone", "aud": "client", "exp": 9e9, "iat": 1, "iss": "x"}, "k" * 32
    )
    claims = decode_id_token(token, client_id="client")
    cached = app.acquire_token_silent(["scope"], account=None)
    link = app.get_authorization_request_url(["User.Read"], redirect_uri="http://here")
    return [
        len(app.get_accounts()),
        claims["sub"],
        [app.client_id, cached],
        "client_id=client" in link,
    ]
