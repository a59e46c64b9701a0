"""The calls of the contract test, by a client that openapi-python-client generated. Prints what it saw as JSON."""
import json
import sys

import httpx
from drover_client import Client
from drover_client.api.flows import submit_flow
from drover_client.api.jobs import cancel_job, list_jobs, read_job, submit_job
from drover_client.api.run import run_count_primes
from drover_client.api.schedules import delete_schedule, put_schedule
from drover_client.models import (
    CountPrimesInput,
    FlowChain,
    FlowJob,
    FlowSubmission,
    ScheduleBody,
    ScheduledJob,
    SleepInput,
    SubmitEcho,
    SubmitSleep,
)

url = sys.argv[1]
client = Client(base_url=url)
seen = {}

accepted = submit_job.sync(client=client, body=SubmitSleep(type_="sleep", input_=SleepInput(duration_ms=50, steps=2)))
seen["submitted"] = accepted.type_
done = read_job.sync(accepted.id, client=client, prefer="wait=20")
seen["waited"] = [done.state.value, done.output]

with httpx.stream("GET", url + done.links.events) as stream:
    seen["streamed"] = [line[7:] for line in stream.iter_lines() if line.startswith("event: ")][-1]

for n in range(3):
    submit_job.sync(client=client, body=SubmitEcho(type_="echo", input_=n, tags=["page"]), prefer="wait=20")
listed, cursor = [], None
while True:
    page = list_jobs.sync(client=client, tag="page", limit=2, **({"cursor": cursor} if cursor else {}))
    listed += [job.input_ for job in page.items]
    cursor = page.next_cursor
    if cursor is None:
        break
seen["listed"] = listed

long = submit_job.sync(client=client, body=SubmitSleep(type_="sleep", input_=SleepInput(duration_ms=60_000)))
cancel_job.sync(long.id, client=client)
seen["canceled"] = read_job.sync(long.id, client=client, prefer="wait=20").state.value

steps = [FlowJob(type_="echo", input_=[1, 2]), FlowJob(type_="echo", input_={"$output": "/1"})]
flow = submit_flow.sync(client=client, body=FlowSubmission(flow=FlowChain(chain=steps)), prefer="wait=20")
seen["flow"] = [flow.state.value, len(flow.tree.chain)]

job = ScheduledJob(type_="echo", input_=1)
schedule = put_schedule.sync("generated", client=client, body=ScheduleBody(job=job, every_ms=3_600_000))
seen["schedule"] = schedule.every_ms
delete_schedule.sync("generated", client=client)

seen["run"] = run_count_primes.sync(client=client, body=CountPrimesInput(limit=100)).count
seen["problem"] = read_job.sync("io_none", client=client).code.value
print(json.dumps(seen))
