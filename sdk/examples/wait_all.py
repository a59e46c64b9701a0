import asyncio
import os

from drover_job import job, run


@job("wait-all")
async def wait_all(input, job):
    await asyncio.sleep(input["seconds"])
    return {"pid": os.getpid()}


run()
