import { readFile } from 'node:fs/promises'
import { type IncomingHttpHeaders, request } from 'node:http'
import { expect, test } from 'vitest'
import { send } from '../helpers/client.ts'
import { startStack } from '../helpers/stack.ts'

const largestBody = 8_388_608
const clients = 100

/** The most memory that a process had so far, in MB. */
async function peakMb(pid: number): Promise<number> {
  const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

/** Sends a body. A refusal comes before the body was written, and its connection may be reset before this client has read it: undefined. */
function post(
  url: string,
  body: string,
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders } | undefined> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const sent = request(url, { method: 'POST', headers, agent: false, timeout: 50_000 })
    sent.on('response', (answer) => {
      answer.resume().on('error', () => undefined)
      resolve({ status: answer.statusCode, headers: answer.headers })
    })
    sent.on('error', () => undefined)
    sent.on('close', () => resolve(undefined))
    sent.end(body)
  })
}

/** The heap (bin/heap-limit.sh) and the bytes of bodies in flight that an API has in a container of 512 MB. */
const inContainer = { NODE_OPTIONS: '--max-old-space-size=256', BODY_BUDGET_BYTES: '53687091' }

test.runIf(process.platform === 'linux')(
  'a hundred clients with the largest body are answered or refused in 512 MB',
  async () => {
    const { api } = await startStack({ workers: 0, env: inContainer })
    const body = `{"type":"echo","input":"${'x'.repeat(largestBody - 30)}"}`
    const one = () => post(`${api.url}/v1/jobs`, body)
    const answers = await Promise.all(Array.from({ length: clients }, one))
    const answered = answers.filter((answer) => answer !== undefined)
    expect(answered.length).toBeGreaterThan(clients / 2)
    const statuses = answered.map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set(statuses.includes(202) ? [202, 503] : [503]))
    for (const answer of answered) if (answer.status === 503) expect(answer.headers['retry-after']).toMatch(/^\d+$/)
    expect((await send('GET', `${api.url}/livez`)).status).toBe(200)
    expect(await peakMb(api.pid)).toBeLessThan(512)
  },
  120_000,
)
