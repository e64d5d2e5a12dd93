"""What all clients have in common: jobs in, reports out, one line of JSON each (job.go and report.go)."""

import hashlib
import json
import socket
import sys

PATIENCE = 10


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Job:
    """A cell of the matrix, with the fields of job.go."""

    def __init__(self, fields):
        self.__dict__.update(fields)
        self.secure = self.base.startswith("https:")
        self.http2 = self.protocol in ("http/2", "https/2")

    @property
    def url(self):
        return f"{self.base}/{self.exchange}?id={self.id}"

    @property
    def method(self):
        return "GET" if self.exchange in ("empty", "events") else "POST"

    def content(self):
        with open(self.body, "rb") as body:
            return body.read()

    def ask(self, question, piece):
        """The URL of a question about a piece."""
        return f"{self.base}/{question}?id={self.id}&piece={piece}"


class Report:
    """What the client saw, with the fields of report.go."""

    def __init__(self, job):
        self.id = job.id
        self.status = 0
        self.version = self.seen = self.received = self.trailer = self.seenTrailer = self.error = ""
        self.pieces = 0

    def answer(self, status, headers):
        self.status = status
        self.seen = headers.get("x-seen", "")
        self.seenTrailer = headers.get("x-seen-trailer", "")


def slices(data, size=65536):
    """A body of a length that the library does not know."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def event(line):
    """The piece in a line of server-sent events; None if there is none."""
    if not line.startswith("data: ") or line == "data: [DONE]":
        return None
    return json.loads(line[len("data: ") :])


def resolve_to_loopback():
    """No resolver knows the hosts of the matrix."""
    original = socket.getaddrinfo

    def getaddrinfo(host, *args, **kwargs):
        if isinstance(host, bytes):
            host = host.decode()
        return original("127.0.0.1", *args, **kwargs)

    socket.getaddrinfo = getaddrinfo


def jobs():
    for line in sys.stdin:
        yield Job(json.loads(line))


def hand_over(report):
    print(json.dumps(report.__dict__), flush=True)


def carry_out(exchange):
    """Carries out all jobs with a function that fills in a report."""
    for job in jobs():
        report = Report(job)
        try:
            exchange(job, report)
        except Exception as error:
            report.error = report.error or repr(error)[:500]
        hand_over(report)


def carry_out_async(exchange):
    """The same for a coroutine, all in one event loop."""
    import asyncio

    async def each():
        for job in jobs():
            report = Report(job)
            try:
                await asyncio.wait_for(exchange(job, report), PATIENCE)
            except Exception as error:
                report.error = report.error or repr(error)[:500]
            hand_over(report)

    asyncio.run(each())
