import { Agent } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import type { JobResource } from '../../src/api/jobs/job-resource.ts'
import { submit } from '../helpers/client.ts'
import { sendOdd } from '../helpers/raw-request.ts'
import { scrape } from '../helpers/series.ts'
import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

const thousands = 2000

async function crowd() {
  const { api } = await startStack({ env: { WORKER_QUEUES: `io:${thousands}` } })
  const agent = new Agent({ keepAlive: true })
  onTestFinished(() => agent.destroy())
  let refused = 0
  /** Submits and waits on its own connection, as one of many clients. Tries again after a 503. */
  const wait = async (durationMs: number, waitS: number, n: number): Promise<{ status: number; job: JobResource }> => {
    const body = JSON.stringify({ type: 'sleep', input: { duration_ms: durationMs }, metadata: { n: String(n) } })
    const headers = { 'content-type': 'application/json', prefer: `wait=${waitS}` }
    for (;;) {
      const answer = await sendOdd(agent, api.url, { method: 'POST', path: '/v1/jobs', headers, body })
      if (answer.status !== 503) return { status: answer.status, job: JSON.parse(answer.body) }
      refused++
    }
  }
  const watched = async () => (await scrape(api)).value('drover_watched')
  return { api, agent, wait, watched, refused: () => refused }
}

test('two thousand clients wait concurrently, each gets the end of its own job, and no subscription is left', async () => {
  const { wait, watched, refused } = await crowd()
  const durations = Array.from({ length: thousands }, () => Math.floor(Math.random() * 1000))
  const startedAt = performance.now()
  const answers = await Promise.all(durations.map((ms, n) => wait(ms, 30, n)))
  // Not a bound of the test: Redis has 900 ms for each command, and on a busy machine many of 2000 at once are too late.
  console.log(
    `${thousands} waits answered in ${Math.round(performance.now() - startedAt)} ms, ${refused()} times a 503 before`,
  )
  for (const [n, { status, job }] of answers.entries()) {
    expect([status, job.state, job.metadata['n'], job.output]).toEqual([
      200,
      'succeeded',
      String(n),
      { slept_ms: durations[n] },
    ])
  }
  expect(new Set(answers.map(({ job }) => job.id)).size).toBe(thousands)
  await waitFor('no job to be watched', watched, (count) => count === 0)
}, 120_000)

test('at the limit all clients get 202 with their job; disconnected clients leave no subscription', async () => {
  const { api, agent, wait, watched } = await crowd()
  const late = await Promise.all(Array.from({ length: 200 }, (_, n) => wait(60_000, 1, n)))
  expect(new Set(late.map(({ status, job }) => `${status} ${job.done}`))).toEqual(new Set(['202 false']))
  await waitFor('no job to be watched', watched, (count) => count === 0)

  const leaving = Array.from({ length: 1000 }, (_, n) => wait(60_000, 60, n).catch(() => 'left'))
  await waitFor('all to be watched', watched, (count) => count === 1000, { withinMs: 60_000 })
  agent.destroy()
  expect(new Set(await Promise.all(leaving))).toEqual(new Set(['left']))
  await waitFor('no job to be watched', watched, (count) => count === 0)
  expect((await submit(api.url, 'echo', 1, { waitS: 10 })).status).toBe(200)
}, 120_000)

test('a stopping API answers all waiting clients with 202 and their job', async () => {
  const { api, wait, watched } = await crowd()
  const waiting = Array.from({ length: 1000 }, (_, n) => wait(60_000, 60, n))
  await waitFor('all to be watched', watched, (count) => count === 1000, { withinMs: 60_000 })
  api.signal('SIGTERM')
  const answers = await Promise.all(waiting)
  for (const [n, { status, job }] of answers.entries())
    expect([status, job.done, job.metadata['n']]).toEqual([202, false, String(n)])
  expect(await api.ended).toBe(0)
}, 120_000)
