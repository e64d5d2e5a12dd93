import ssl

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from exchange import PATIENCE, carry_out, digest, resolve_to_loopback


def exchange(job, report):
    trusted = ssl.create_default_context(cafile=job.authority) if job.secure else None
    url = job.url.replace("http", "ws", 1)
    try:
        connection = connect(url, ssl=trusted, open_timeout=PATIENCE, close_timeout=PATIENCE, max_size=None, proxy=None)
    except InvalidStatus as refused:
        report.status = refused.response.status_code
        return
    with connection:
        report.status, report.version = 101, "1"
        assert connection.recv(PATIENCE) == "welcome"
        connection.send("hello")
        assert connection.recv(PATIENCE) == "hello"
        assert connection.ping().wait(PATIENCE)
        connection.send(job.content())
        report.received = digest(connection.recv(PATIENCE))
        report.seen = connection.recv(PATIENCE)


resolve_to_loopback()
carry_out(exchange)
