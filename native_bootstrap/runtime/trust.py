"""Says which trust stores were looked for when a certificate cannot be verified without one.

Finding the store is the C core's part (`nb_trust.c`). OpenSSL takes a missing store for an empty
one, and the error of the first connection ("unable to get local issuer certificate") does not tell
that from a wrong certificate. So the text of that error gets the reason.
"""

from __future__ import annotations

import posix
import ssl  # already there: this module is imported at the end of the first `import ssl`

from native_bootstrap.runtime import environment

# The same places in the same order as in native_bootstrap/core/nb_trust.c.
FILES = (
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
)
# X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, …_LOCALLY, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
_NO_ISSUER = (2, 19, 20)


def missing() -> str:
    """What was looked for, when there is no trust store at all; "" when there is one."""
    file, folder = environment.get("SSL_CERT_FILE"), environment.get("SSL_CERT_DIR")
    if any(place and _exists(place) for place in (file, folder, *FILES)):
        return ""
    named = f"$SSL_CERT_FILE ({file})" if file else "$SSL_CERT_FILE"
    return f"no trust store: none of {', '.join((named, *FILES))} exists"


def explain() -> None:
    """Give `ssl.SSLCertVerificationError` its longer text.

    The method of the type is replaced, and not the functions that raise it: so stack traces stay as
    they are, and the error is explained wherever it is shown.
    """
    short = ssl.SSLCertVerificationError.__str__

    def text(self: ssl.SSLCertVerificationError) -> str:
        plain = short(self)
        reason = missing() if getattr(self, "verify_code", None) in _NO_ISSUER else ""
        return f"{plain}: {reason}" if reason else plain

    ssl.SSLCertVerificationError.__str__ = text  # type: ignore[assignment,method-assign]


def _exists(path: str) -> bool:
    try:
        posix.stat(path)
    except OSError:
        return False
    return True
