import ssl

context = ssl.create_default_context()


def handler(event, _):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    wrapped = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        wrapped.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return {"trusted": context.cert_store_stats()["x509_ca"] > 0, "hello": outgoing.pending > 100}
