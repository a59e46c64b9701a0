import { readFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { send } from '../helpers/client.ts'
import { sendOdd } from '../helpers/raw-request.ts'
import { startStack } from '../helpers/stack.ts'

const largestBody = 8_388_608
const clients = 100

/** The most memory that a process had so far, in MB. */
async function peakMb(pid: number): Promise<number> {
  const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

/** The heap (bin/heap-limit.sh) and the bytes of bodies in flight that an API has in a container of 512 MB. */
const inContainer = { NODE_OPTIONS: '--max-old-space-size=256', BODY_BUDGET_BYTES: '53687091' }

test.runIf(process.platform === 'linux')(
  'a hundred clients with the largest body are answered or refused in 512 MB',
  async () => {
    const { api } = await startStack({ workers: 0, env: inContainer })
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    const headers = { 'content-type': 'application/json' }
    const body = `{"type":"echo","input":"${'x'.repeat(largestBody - 30)}"}`
    const one = () => sendOdd(agent, api.url, { method: 'POST', path: '/v1/jobs', headers, body })
    const answers = await Promise.all(Array.from({ length: clients }, one))
    const statuses = answers.map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set(statuses.includes(202) ? [202, 503] : [503]))
    for (const answer of answers) if (answer.status === 503) expect(answer.headers['retry-after']).toMatch(/^\d+$/)
    expect((await send('GET', `${api.url}/livez`)).status).toBe(200)
    expect(await peakMb(api.pid)).toBeLessThan(512)
  },
  60_000,
)
