import ssl

import httpx
import openai

from exchange import PATIENCE, carry_out, digest, resolve_to_loopback


def exchange(job, report):
    trusted = ssl.create_default_context(cafile=job.authority)
    transport = openai.DefaultHttpxClient(verify=trusted, http1=not job.http2, http2=job.http2, trust_env=False)
    with openai.OpenAI(api_key="none", base_url=job.base + "/v1", http_client=transport, timeout=PATIENCE, max_retries=0) as client:
        prompt = [{"role": "user", "content": job.content().decode()}]
        if job.exchange == "chat":
            answer = client.chat.completions.create(model=str(job.id), messages=prompt)
            report.seen = answer.system_fingerprint
            report.received = digest(answer.choices[0].message.content.encode())
        else:
            got = ""
            for part in client.chat.completions.create(model=str(job.id), messages=prompt, stream=True):
                report.seen = part.system_fingerprint
                got += part.choices[0].delta.content
                report.pieces += 1
                ask(job, "acknowledge", report.pieces)
            report.received = digest(got.encode())
        report.status = 200


def ask(job, question, piece):
    trusted = ssl.create_default_context(cafile=job.authority)
    httpx.get(job.ask(question, piece), verify=trusted, timeout=PATIENCE, trust_env=False).raise_for_status()


resolve_to_loopback()
carry_out(exchange)
