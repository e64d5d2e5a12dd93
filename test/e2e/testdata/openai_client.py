"""Asks models through a Gateway with OpenAI's library, as an application does.

Argument: one object of JSON, with the URL of the Gateway, headers that go with each request, and names of models. Prints one
object: the models that are listed, and for each name what was seen of an answer in one piece, of a streamed one, of many at a
time, and of a model that does not exist.
"""

import asyncio
import json
import sys

import openai

PATIENCE = 60
MANY = 20
POD = "x-inference-pod"


def prompt(text):
    return [{"role": "user", "content": text}]


def usage(counted):
    return {"input": counted.prompt_tokens, "output": counted.completion_tokens}


def in_one_piece(client, model):
    raw = client.chat.completions.with_raw_response.create(model=model, messages=prompt("Which way?"), max_tokens=12)
    answer = raw.parse()
    return {"model": answer.model, "text": answer.choices[0].message.content, "pod": raw.headers.get(POD), "usage": usage(answer.usage)}


def streamed(client, model):
    seen = {"model": "", "text": "", "pieces": 0, "usage": None}
    options = {"include_usage": True}
    parts = client.chat.completions.create(
        model=model, messages=prompt("And then?"), max_tokens=12, stream=True, stream_options=options, extra_body={"ignore_eos": True}
    )
    for part in parts:
        seen["model"] = part.model
        for choice in part.choices:
            if choice.delta.content:
                seen["text"] += choice.delta.content
                seen["pieces"] += 1
        if part.usage:
            seen["usage"] = usage(part.usage)
    return seen


async def many(settings, model):
    """The Pods that answer streams which are under way at the same time."""
    async with openai.AsyncOpenAI(http_client=openai.DefaultAsyncHttpxClient(trust_env=False), **settings) as client:

        async def one(number):
            raw = await client.chat.completions.with_raw_response.create(
                model=model, messages=prompt(f"Number {number}"), max_tokens=20, stream=True, extra_body={"ignore_eos": True}
            )
            pieces = [part async for part in raw.parse() if part.choices and part.choices[0].delta.content]
            return raw.headers.get(POD) if pieces else None

        return await asyncio.gather(*(one(number) for number in range(MANY)))


def missing(client):
    """The error of the library for a model that does not exist."""
    try:
        client.chat.completions.create(model="no-such-model", messages=prompt("?"))
    except openai.APIStatusError as error:
        return {"error": type(error).__name__, "status": error.status_code}
    return None


def main():
    asked = json.loads(sys.argv[1])
    settings = {
        "api_key": "none", "base_url": asked["url"] + "/v1", "timeout": PATIENCE, "max_retries": 0,
        "default_headers": asked.get("headers") or {},
    }
    with openai.OpenAI(http_client=openai.DefaultHttpxClient(trust_env=False), **settings) as client:
        seen = {"models": {}, "missing": missing(client)}
        for model in asked["models"]:
            seen["models"][model] = {
                "piece": in_one_piece(client, model), "stream": streamed(client, model), "pods": asyncio.run(many(settings, model)),
            }
        try:
            seen["listed"] = [model.id for model in client.models.list()]
        except openai.APIStatusError as error:
            seen["listed"] = [type(error).__name__]
    print(json.dumps(seen))


main()
