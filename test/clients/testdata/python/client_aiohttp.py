import ssl

import aiohttp

from exchange import PATIENCE, carry_out_async, digest, event, resolve_to_loopback, slices


async def exchange(job, report):
    trusted = ssl.create_default_context(cafile=job.authority)
    connector = aiohttp.TCPConnector(ssl=trusted, resolver=aiohttp.ThreadedResolver())
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        if job.exchange == "socket":
            await socket(session, job, report)
            return
        data = None
        if job.method == "POST":
            data = job.content()
        if job.exchange in ("chunked", "trailers"):
            data = chunks(data)
        if job.exchange == "upload":
            data = pieces(session, job, report)
        expect = job.exchange == "expect"
        async with session.request(job.method, job.url, data=data, expect100=expect) as answer:
            report.answer(answer.status, answer.headers)
            report.version = str(answer.version.major)
            if job.exchange != "events":
                report.received = digest(await answer.read())
                return
            got = b""
            async for line in answer.content:
                piece = event(line.decode().rstrip("\n"))
                if piece is None:
                    continue
                got += piece.encode()
                report.pieces += 1
                await ask(session, job, "acknowledge", report.pieces)
            report.received = digest(got)


async def chunks(data):
    for part in slices(data):
        yield part


async def ask(session, job, question, piece):
    async with session.get(job.ask(question, piece)) as answer:
        answer.raise_for_status()


async def pieces(session, job, report):
    for number, piece in enumerate(job.pieces, 1):
        yield piece.encode()
        await ask(session, job, "arrived", number)
        report.pieces += 1


async def socket(session, job, report):
    try:
        connection = await session.ws_connect(job.url, max_msg_size=0)
    except aiohttp.WSServerHandshakeError as error:
        report.status = error.status
        return
    async with connection:
        report.status, report.version = 101, "1"
        assert await connection.receive_str() == "welcome"
        await connection.send_str("hello")
        assert await connection.receive_str() == "hello"
        await connection.send_bytes(job.content())
        report.received = digest(await connection.receive_bytes())
        report.seen = await connection.receive_str()


resolve_to_loopback()
carry_out_async(exchange)
