import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Keys } from '../../src/queue/redis/keys.ts'
import { submit, watch, watchToEnd } from '../helpers/client.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const flood = (type: string, runsOn: string) => `
  import { defineJob } from 'drover'
  import { z } from 'zod'
  export default defineJob({
    type: '${type}', title: 'Says a lot', runsOn: '${runsOn}',
    input: z.object({ count: z.int(), size: z.int() }), output: z.int(),
    async *run({ count, size }) {
      for (let n = 0; n < count; n++) yield n + 'x'.repeat(size)
      return count
    },
  })`

async function floodStack() {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  for (const kind of ['event-loop', 'thread', 'process'])
    await writeFile(join(dir, `${kind}.ts`), flood(`flood-${kind}`, kind))
  return startStack({ env: { JOBS_DIR: dir } })
}

const hexPort = (port: number) => port.toString(16).toUpperCase().padStart(4, '0')

async function residentMb(pid: number): Promise<number> {
  const [, kb = '0'] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kb) / 1024
}

test('a stream is well-formed to its last byte, and the connection is reused for the next request', async () => {
  const { api } = await startStack({ env: { DIAGNOSTIC_JOBS: '1' } })
  const { id } = (await submit(api.url, 'sleep', { duration_ms: 300 })).body
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname).setEncoding('latin1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (piece: string) => {
    text += piece
  })
  socket.write(`GET /v1/jobs/${id}/events HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  await waitFor(
    'the end of the stream',
    () => text,
    (seen) => seen.includes('\r\n0\r\n\r\n'),
  )
  socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  await once(socket, 'close')
  const [, stream = '', next = ''] = text.split('HTTP/1.1 200 OK')
  expect(chunks(stream.slice(stream.indexOf('\r\n\r\n') + 4))).toMatch(/event: snapshot\n.*event: done\ndata: .*\n\n$/s)
  expect(next).toContain('"ok"')
})

test('an end without an attempt is published immediately', async () => {
  const { api, env, addWorker } = await startStack({ workers: 0 })
  const redis = await redisClient()
  const { id } = (await submit(api.url, 'echo', 1)).body
  // As BullMQ's check for stalled jobs leaves a job whose workers crashed too often: the next worker ends it without running it.
  await redis.hset(
    new Keys(env['KEY_PREFIX'] ?? '').job({ queue: 'io', id }),
    'defa',
    'job stalled more than allowable limit',
  )
  const events = watchToEnd(api.url, id)
  await addWorker()
  const done = (await events).find(({ event }) => event === 'done')?.data
  const { state, error, finished_at } = done as { state: string; error: { code: string }; finished_at: string }
  expect({ state, code: error.code }).toEqual({ state: 'failed', code: 'stalled' })
  // Without the message the stream would poll after 15 seconds.
  expect(Date.now() - Date.parse(finished_at)).toBeLessThan(10_000)
}, 120_000)

/** Decodes a chunked body (RFC 9112, section 7.1). @throws if it is malformed */
function chunks(body: string): string {
  let text = ''
  for (let at = 0; ; ) {
    const [head = '', size = ''] = /^([0-9a-f]+)\r\n/.exec(body.slice(at)) ?? []
    const length = Number.parseInt(size, 16)
    if (!(length >= 0)) throw new Error(`no chunk begins with ${JSON.stringify(body.slice(at, at + 20))}`)
    text += body.slice(at + head.length, at + head.length + length)
    at += head.length + length + 2
    if (length > 0) continue
    if (at !== body.length) throw new Error(`behind the last chunk comes ${JSON.stringify(body.slice(at, at + 20))}`)
    return text
  }
}

test('yielded values reach a stream in order and complete, on each executor', async () => {
  const { api } = await floodStack()
  for (const kind of ['event-loop', 'thread', 'process']) {
    const { body } = await submit(api.url, `flood-${kind}`, { count: 500, size: 10 })
    const events = await watchToEnd(api.url, body.id, 0)
    const values = events.filter(({ event }) => event === 'output').map(({ data }) => Object(data).value)
    expect(
      values.map((value: string) => Number.parseInt(value, 10)),
      kind,
    ).toEqual(Array.from({ length: 500 }, (_, n) => n))
    expect(events.at(-1), kind).toMatchObject({ event: 'done', data: { state: 'succeeded', output: 500 } })
  }
})

test.skipIf(process.platform !== 'linux')(
  'clients that do not read their streams delay nothing, cost bounded memory, and are dropped',
  async () => {
    const { api } = await floodStack()
    const { body } = await submit(api.url, 'flood-event-loop', { count: 600, size: 100_000 }, { delay_ms: 1000 })
    const { hostname, port } = new URL(api.url)
    const stall = async (path: string, accept: string) => {
      const socket = connect(Number(port), hostname)
      socket.on('error', () => socket.destroy())
      socket.write(`GET /v1/jobs/${body.id}/${path} HTTP/1.1\r\nhost: localhost\r\naccept: ${accept}\r\n\r\n`)
      await once(socket, 'readable')
      return socket
    }
    const kinds = [
      ['events', 'text/event-stream'],
      ['values', 'application/x-ndjson'],
    ] as const
    const sockets = await Promise.all(
      kinds.flatMap(([path, accept]) => Array.from({ length: 6 }, () => stall(path, accept))),
    )
    const before = await residentMb(api.pid)
    const received: string[] = []
    let dataId = 0
    for await (const { id, event, data } of watch(api.url, body.id)) {
      received.push(event)
      expect(id).toBeGreaterThan(dataId)
      dataId = id
      if (event === 'done') expect(data).toMatchObject({ state: 'succeeded', output: 600 })
    }
    expect(received.at(-1)).toBe('done')
    // For each of them all values would be 60 MB.
    expect((await residentMb(api.pid)) - before).toBeLessThan(250)
    // The server closes the connection of a stalled client within the stall limit of ten seconds.
    const serversEnds = sockets.map(
      ({ localPort }) => `:${hexPort(Number(port))} 0100007F:${hexPort(localPort ?? 0)} 01 `,
    )
    await waitFor(
      'the stalled clients to be dropped',
      () => readFile('/proc/net/tcp', 'utf8'),
      (table) => !serversEnds.some((end) => table.includes(end)),
      { withinMs: 60_000, everyMs: 100 },
    )
    for (const socket of sockets) socket.destroy()
  },
  120_000,
)
