"""A flow with its link and the answer."""

from google_auth_oauthlib.flow import Flow

EXPECTED = [True, True, "S256"]
CLIENT = {
    "web": {
        "client_id": "id",
        "client_secret": "secret",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
}


def use():
    flow = Flow.from_client_config(CLIENT, ["scope"], redirect_uri="http://localhost/back")
    link, state = flow.authorization_url()
    return [
        "client_id=id" in link,
        f"state={state}" in link,
        link.split("code_challenge_method=")[1].split("&")[0],
    ]
