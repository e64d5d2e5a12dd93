import ssl

import httpx

from exchange import PATIENCE, carry_out, digest, event, resolve_to_loopback, slices


def client(job):
    trusted = ssl.create_default_context(cafile=job.authority)
    return httpx.Client(verify=trusted, http1=not job.http2, http2=job.http2, timeout=PATIENCE, trust_env=False)


def exchange(job, report):
    with client(job) as session:
        content, headers = None, {}
        if job.method == "POST":
            content = job.content()
        if job.exchange in ("chunked", "trailers"):
            content = slices(content)
        if job.exchange == "expect":
            headers["Expect"] = "100-continue"
        if job.exchange == "upload":
            content = pieces(job, report)
        with session.stream(job.method, job.url, content=content, headers=headers) as answer:
            report.answer(answer.status_code, answer.headers)
            report.version = answer.http_version.removeprefix("HTTP/")[0]
            if job.exchange != "events":
                report.received = digest(answer.read())
                return
            got = b""
            for line in answer.iter_lines():
                piece = event(line)
                if piece is None:
                    continue
                got += piece.encode()
                report.pieces += 1
                ask(job, "acknowledge", report.pieces)
            report.received = digest(got)


def ask(job, question, piece):
    with client(job) as session:
        session.get(job.ask(question, piece)).raise_for_status()


def pieces(job, report):
    for number, piece in enumerate(job.pieces, 1):
        yield piece.encode()
        ask(job, "arrived", number)
        report.pieces += 1


resolve_to_loopback()
carry_out(exchange)
