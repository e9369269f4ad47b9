import secrets

VALUE = secrets.token_urlsafe(32)
