"""The user's functions as a FastAPI application; they block, so they run in its thread pool."""

import glue
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

app = FastAPI()


@app.get("/ping")
async def ping():
    return Response()


@app.post("/invocations")
async def invocations(request: Request):
    body = await request.body()
    headers = request.headers
    answer, content_type = await run_in_threadpool(
        glue.transform, body, headers.get("content-type"), headers.get("accept")
    )
    return Response(answer, media_type=content_type)
