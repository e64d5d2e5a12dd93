import queue

import grpc

from exchange import PATIENCE, carry_out, digest


def exchange(job, report):
    options = [("grpc.default_authority", f"{job.host}:{job.port}"), ("grpc.enable_http_proxy", 0)]
    if job.secure:
        with open(job.authority, "rb") as certificate:
            trusted = grpc.ssl_channel_credentials(certificate.read())
        options.append(("grpc.ssl_target_name_override", job.host))
        channel = grpc.secure_channel(job.address, trusted, options)
    else:
        channel = grpc.insecure_channel(job.address, options)
    with channel:
        call = {"Download": download, "Collect": collect, "Both": both}.get(job.exchange, unary)
        report.received = digest(call(Remote(channel, job), job, report))
        report.status, report.version = 200, "2"


class Remote:
    """Calls with messages that are bytes."""

    def __init__(self, channel, job):
        self.channel, self.job = channel, job
        self.options = {"metadata": [("x-id", str(job.id))], "timeout": PATIENCE, "wait_for_ready": True}

    def method(self, kind, name):
        return getattr(self.channel, kind)(f"/{self.job.target}/{name}")

    def ask(self, question, piece):
        self.method("unary_unary", question)(str(piece).encode(), **self.options)


def note(report, call):
    report.seen = dict(call.initial_metadata()).get("x-seen", "")
    report.trailer = dict(call.trailing_metadata()).get("x-sum", "")


def unary(remote, job, report):
    answer, call = remote.method("unary_unary", job.exchange).with_call(job.content(), **remote.options)
    note(report, call)
    return answer


def download(remote, job, report):
    call = remote.method("unary_stream", job.exchange)(b"", **remote.options)
    got = b""
    for piece in call:
        got += piece
        report.pieces += 1
        remote.ask("Acknowledge", report.pieces)
    note(report, call)
    return got


def collect(remote, job, report):
    def pieces():
        for number, piece in enumerate(job.pieces, 1):
            yield piece.encode()
            remote.ask("Arrived", number)
            report.pieces += 1

    answer, call = remote.method("stream_unary", job.exchange).with_call(pieces(), **remote.options)
    note(report, call)
    return answer


def both(remote, job, report):
    outgoing = queue.Queue()
    call = remote.method("stream_stream", job.exchange)(iter(outgoing.get, None), **remote.options)
    got = b""
    for piece in job.pieces:
        outgoing.put(piece.encode())
        got += next(call)
        report.pieces += 1
    outgoing.put(None)
    assert next(call, None) is None
    note(report, call)
    return got


carry_out(exchange)
