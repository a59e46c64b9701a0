import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { hashSecret } from '../src/api/access/keys-file.ts'
import { startApi, startWorker } from './peers/drover/peer.ts'
import { openWorld, type World } from './world.ts'

// Fairness over HTTP with a real worker, at the size of docs/scheduling.md: `node --import ./src/jobs/module-hooks.ts bench/fairness.ts`.
// Prints a line for each figure. Not part of `npm run bench`: it takes minutes, of which most is waiting.

const { values } = parseArgs({
  options: {
    /** Jobs that the large tenant has waiting. */
    backlog: { type: 'string', default: '100000' },
    /** For how long nine others submit one job a second each, without it and with it at the same time. */
    seconds: { type: 'string', default: '60' },
    /** Slots of the worker while they do. */
    slots: { type: 'string', default: '4' },
    /** Only that. */
    waits: { type: 'boolean', default: false },
  },
})
const [backlog, seconds] = [Number(values.backlog), Number(values.seconds)]
/** Each slot runs twenty a second; the nine ask for nine. */
const job = { type: 'sleep', input: { duration_ms: 50 } }
const small = Array.from({ length: 9 }, (_, n) => `small-${n}`)
const weighed = { w1: 1, w2: 2, w4: 4 }

interface Read {
  id: string
  created_at: string
  started_at: string | null
}

/** Keys of all tenants, and the headers of each. */
async function makeKeys(folder: string) {
  const tenants = ['ops', 'big', ...small, ...Object.keys(weighed)]
  const keys = tenants.map((tenant) => {
    const secret = randomBytes(24).toString('base64url')
    const scopes = tenant === 'ops' ? ['admin'] : ['submit', 'read', 'cancel']
    return { secret, entry: { id: tenant, hash: hashSecret(secret), tenant, scopes, expires_at: null } }
  })
  const limits = Object.fromEntries(Object.entries(weighed).map(([tenant, weight]) => [tenant, { weight }]))
  const path = join(folder, 'keys.json')
  await writeFile(path, JSON.stringify({ keys: keys.map(({ entry }) => entry), tenants: limits }), { mode: 0o600 })
  const headers = new Map(
    keys.map(({ secret, entry: { tenant } }) => [
      tenant,
      { authorization: `Bearer ${tenant}.${secret}`, 'content-type': 'application/json' },
    ]),
  )
  return { path, headers }
}

class Clients {
  readonly #origin: string
  readonly #headers: Map<string, Record<string, string>>

  constructor(port: number, headers: Map<string, Record<string, string>>) {
    this.#origin = `http://127.0.0.1:${port}`
    this.#headers = headers
  }

  /** What a busy Redis refuses is sent again under the same key. */
  async call<T>(tenant: string, method: string, path: string, body?: unknown): Promise<T> {
    const headers = { ...this.#headers.get(tenant), ...(method === 'POST' && { 'idempotency-key': randomUUID() }) }
    const request = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
    for (let triesLeft = 20; ; triesLeft--) {
      const response = await fetch(`${this.#origin}${path}`, request)
      if (response.ok) return (await response.json()) as T
      const text = await response.text()
      if (response.status !== 503 || triesLeft === 0) throw new Error(`${method} ${path}: ${response.status} ${text}`)
      await sleep(1000)
    }
  }

  async submitMany(tenant: string, count: number): Promise<string[]> {
    const ids: string[] = []
    for (let from = 0; from < count; from += 1000) {
      const jobs = Array.from({ length: Math.min(1000, count - from) }, () => ({ type: 'echo', input: 1 }))
      const { items } = await this.call<{ items: { job: { id: string } }[] }>(tenant, 'POST', '/v1/jobs/batch', {
        jobs,
      })
      ids.push(...items.map((item) => item.job.id))
    }
    return ids
  }

  read = (tenant: string, id: string) => this.call<Read>(tenant, 'GET', `/v1/jobs/${id}`)

  async untilStarted(tenant: string, id: string): Promise<Read> {
    for (;;) {
      const read = await this.read(tenant, id)
      if (read.started_at !== null) return read
      await sleep(250)
    }
  }
}

/** The waits in ms of jobs that the nine submit at random moments, one a second each. */
async function waitsOfSmall(clients: Clients): Promise<number[]> {
  const until = performance.now() + seconds * 1000
  const waits = await Promise.all(
    small.map(async (tenant) => {
      const jobs: Promise<Read>[] = []
      while (performance.now() < until) {
        await sleep(-1000 * Math.log(1 - Math.random()))
        const { id } = await clients.call<Read>(tenant, 'POST', '/v1/jobs', job)
        jobs.push(clients.untilStarted(tenant, id))
      }
      return Promise.all(jobs)
    }),
  )
  return waits.flat().map(({ created_at, started_at }) => Date.parse(started_at ?? '') - Date.parse(created_at))
}

function percentile(samples: number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** The tenants of jobs in the order of their starts, of tenants that all have as many waiting. */
async function order(clients: Clients, tenants: string[], each: number): Promise<string[]> {
  await clients.call('ops', 'POST', '/v1/queues/io/pause', {})
  const ids: { tenant: string; ids: string[] }[] = []
  for (const tenant of tenants) ids.push({ tenant, ids: await clients.submitMany(tenant, each) })
  await clients.call('ops', 'POST', '/v1/queues/io/resume', {})
  const starts: { tenant: string; at: number }[] = []
  for (const { tenant, ids: own } of ids) {
    for (let from = 0; from < own.length; from += 50) {
      const some = await Promise.all(own.slice(from, from + 50).map((id) => clients.untilStarted(tenant, id)))
      starts.push(...some.map(({ started_at }) => ({ tenant, at: Date.parse(started_at ?? '') })))
    }
  }
  return starts.toSorted((a, b) => a.at - b.at).map(({ tenant }) => tenant)
}

/** Jain's index of how often each started: 1 where all did as often. */
function jain(starts: string[], tenants: string[]): number {
  const counts = tenants.map((tenant) => starts.filter((one) => one === tenant).length)
  const sum = counts.reduce((a, b) => a + b, 0)
  return sum ** 2 / (counts.length * counts.reduce((a, b) => a + b ** 2, 0))
}

async function measureOrder(clients: Clients): Promise<void> {
  const tenants = ['big', ...small]
  const all = await order(clients, tenants, 400)
  const windows = Array.from({ length: all.length / 1000 }, (_, n) => all.slice(n * 1000, n * 1000 + 1000))
  const least = Math.min(...windows.map((some) => jain(some, tenants)))
  console.log(`Jain's index of 1,000 starts, ten tenants: at least ${least.toFixed(4)}`)

  const first = (await order(clients, Object.keys(weighed), 1000)).slice(0, 1400)
  const counts = Object.keys(weighed).map((tenant) => first.filter((one) => one === tenant).length)
  console.log(`starts of weights 1:2:4 among 1,400: ${counts.join(', ')}`)
}

/** On two stacks at the same time, one of them with a backlog: both have the same time of the same machine. */
async function measureWaits(alone: Clients, beside: Clients): Promise<void> {
  for (let from = 0; from < backlog; from += 10_000) {
    const jobs = Array.from({ length: Math.min(10_000, backlog - from) }, () => job)
    await beside.call('big', 'POST', '/v1/jobs/batch', { jobs })
  }
  const waits = await Promise.all([waitsOfSmall(alone), waitsOfSmall(beside)])
  for (const share of [0.5, 0.99]) {
    const [without = 0, withBacklog = 0] = waits.map((some) => percentile(some, share))
    console.log(
      `p${100 * share} of the waits of nine tenants with a job a second each, ${values.slots} slots: ${without} ms without and ${withBacklog} ms with ${backlog} jobs of another, ${(withBacklog / without).toFixed(2)} times`,
    )
  }
}

async function measure(world: World, folder: string): Promise<void> {
  const { path, headers } = await makeKeys(folder)
  const keys = { API_KEYS_FILE: path }
  const clientsOf = async (prefix: string) => new Clients((await startApi(world, prefix, keys)).port, headers)
  const clients = await clientsOf('fairness')
  const one = await startWorker(world, 'fairness', 'io:1', undefined, keys)
  if (!values.waits) await measureOrder(clients)
  await one.stop()
  const alone = await clientsOf('alone')
  for (const prefix of ['fairness', 'alone']) await startWorker(world, prefix, `io:${values.slots}`, undefined, keys)
  await measureWaits(alone, clients)
}

const folder = await mkdtemp(join(tmpdir(), 'drover-fairness-'))
const world = await openWorld({ nodeOptions: [] })
try {
  await measure(world, folder)
} finally {
  await world.clear()
  await world.close()
  await rm(folder, { recursive: true, force: true })
}
