import requests

from exchange import PATIENCE, carry_out, digest, event, resolve_to_loopback, slices


def exchange(job, report):
    with requests.Session() as session:
        session.trust_env = False
        session.verify = job.authority
        data, headers = None, {}
        if job.method == "POST":
            data = job.content()
        if job.exchange in ("chunked", "trailers"):
            data = slices(data)
        if job.exchange == "expect":
            headers["Expect"] = "100-continue"
        if job.exchange == "upload":
            data = pieces(job, report)
        answer = session.request(job.method, job.url, data=data, headers=headers, stream=True, timeout=PATIENCE)
        report.answer(answer.status_code, answer.headers)
        report.version = "1" if answer.raw.version in (10, 11) else "2"
        if job.exchange != "events":
            report.received = digest(answer.content)
            return
        got = b""
        for line in answer.iter_lines(chunk_size=1, decode_unicode=False):
            piece = event(line.decode())
            if piece is None:
                continue
            got += piece.encode()
            report.pieces += 1
            ask(job, "acknowledge", report.pieces)
        report.received = digest(got)


def ask(job, question, piece):
    with requests.Session() as session:
        session.trust_env = False
        session.get(job.ask(question, piece), verify=job.authority, timeout=PATIENCE).raise_for_status()


def pieces(job, report):
    for number, piece in enumerate(job.pieces, 1):
        yield piece.encode()
        ask(job, "arrived", number)
        report.pieces += 1


resolve_to_loopback()
carry_out(exchange)
