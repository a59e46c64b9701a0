/**
 * Time from the end of a job to its webhook, one job at a time and many at once:
 * `node --import ./src/jobs/module-hooks.ts bench/webhooks.ts`. Needs REDIS_URL. Starts and stops its own API, worker and
 * receiver.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startRole } from './roles.ts'

const oneByOne = 200
const together = 2000

const env = {
  KEY_PREFIX: `bench-${randomUUID().slice(0, 8)}`,
  DIAGNOSTIC_JOBS: '1',
  PORT: '0',
  WORKER_QUEUES: 'io:100',
  EGRESS_ALLOW_CIDRS: '127.0.0.0/8',
  WEBHOOK_SECRETS: `whsec_${randomBytes(32).toString('base64')}`,
}

/** Milliseconds from the recorded end of a job to its webhook, in the order of arrival. */
const delays: number[] = []
let onDelivery = () => {}
async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const at = Date.now()
  const { data } = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString())
  delays.push(at - Date.parse(data.finished_at))
  response.writeHead(204).end()
  onDelivery()
}
const receiver = createServer((request, response) => void receive(request, response)).listen(0, '127.0.0.1')
await once(receiver, 'listening')
const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`

const api = await startRole('api', env)
const worker = await startRole('worker', env)

async function submit(): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${api.port}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'echo', input: 1, webhook: { url: hook } }),
  })
  if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`)
  await response.arrayBuffer()
}

function delivered(count: number): Promise<void> {
  return new Promise((resolve) => {
    onDelivery = () => delays.length >= count && resolve()
    onDelivery()
  })
}

function print(name: string, values: number[]): void {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]
  console.log(`${name}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (${values.length} webhooks)`)
}

for (let n = 1; n <= oneByOne; n++) {
  await submit()
  await delivered(n)
}
print('end of job to webhook, one by one', delays.splice(0).slice(oneByOne / 10))

const startedAt = performance.now()
const clients = Array.from({ length: 32 }, async (_, client) => {
  for (let n = client; n < together; n += 32) await submit()
})
await Promise.all(clients)
await delivered(together)
const perS = Math.round((together / (performance.now() - startedAt)) * 1000)
print(`end of job to webhook, ${together} at once`, delays)
console.log(`submitted, run and delivered: ${perS} jobs per second`)

await Promise.all([worker.stop(), api.stop()])
receiver.closeAllConnections()
receiver.close()
