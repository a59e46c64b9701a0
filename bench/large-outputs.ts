/**
 * Memory of the API while many clients slowly read one large output:
 * `node --import ./src/jobs/module-hooks.ts bench/large-outputs.ts [clients] [MB]`. Needs REDIS_URL and `ps`. Starts and stops
 * its own API and worker.
 */
import { type ChildProcess, execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startRole } from './roles.ts'

const clients = Number(process.argv[2] ?? 20)
const megabytes = Number(process.argv[3] ?? 50)
/** Each client reads 64 kB and then pauses: about 2 MB per second. */
const restMs = 30

const dir = await mkdtemp(join(tmpdir(), 'drover-bench-'))
await writeFile(
  join(dir, 'repeat.ts'),
  `import { defineJob } from 'drover'
   import { z } from 'zod'
   export default defineJob({ type: 'repeat', title: 'Repeat', runsOn: 'event-loop', input: z.int(), output: z.string(),
     run: async (bytes) => 'x'.repeat(bytes - 2) })`,
)
const env = { KEY_PREFIX: `bench-${randomUUID().slice(0, 8)}`, JOBS_DIR: dir, PORT: '0' }

const residentMb = ({ pid }: ChildProcess) =>
  Math.round(Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) / 1024)

const api = await startRole('api', env)
const worker = await startRole('worker', env)
const url = `http://127.0.0.1:${api.port}/v1/jobs`
const size = megabytes * 1_000_000

const workerBefore = residentMb(worker.child)
const response = await fetch(url, {
  method: 'POST',
  headers: { 'content-type': 'application/json', prefer: 'wait=30' },
  body: JSON.stringify({ type: 'repeat', input: size }),
})
const job = (await response.json()) as { id: string; output_bytes: number; started_at: string; finished_at: string }
if (job.output_bytes !== size) throw new Error(`the job has no output of ${size} bytes: ${JSON.stringify(job)}`)
const took = Date.parse(job.finished_at) - Date.parse(job.started_at)
console.log(`one job that returns ${megabytes} MB: ${took} ms, start to end`)
console.log(`worker: ${workerBefore} MB before, ${residentMb(worker.child)} MB after`)

async function readSlowly(): Promise<number> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${url}/${job.id}/output`, { agent: false }, resolve).on('error', reject)
  })
  let read = 0
  for await (const chunk of answer) {
    read += (chunk as Buffer).length
    await sleep(restMs * ((chunk as Buffer).length / 65_536))
  }
  return read
}

const before = residentMb(api.child)
let maxMb = before
const watch = setInterval(() => {
  maxMb = Math.max(maxMb, residentMb(api.child))
}, 200)
const from = performance.now()
const read = await Promise.all(Array.from({ length: clients }, readSlowly))
clearInterval(watch)
if (read.some((bytes) => bytes !== size)) throw new Error(`read ${read.join(', ')} bytes of ${size}`)
const seconds = Math.round((performance.now() - from) / 1000)
console.log(`${clients} clients read it in ${seconds} s; API: ${before} MB before, at most ${maxMb} MB meanwhile`)

for (const role of [api, worker]) {
  role.end()
  await once(role.child, 'close')
}
await rm(dir, { recursive: true })
