import { expect, test } from 'vitest'
import type { RunsOn } from '../../src/jobs/define-job.ts'
import { waitFor } from '../helpers/wait-for.ts'
import { keepWorkers } from '../ledger/keep-workers.ts'
import { type Scenario, startScenario } from '../ledger/scenario.ts'
import { seededRandom } from '../ledger/seeded-random.ts'

const { env } = process
const jobs = Number(env['LEDGER_JOBS'] || 300)
const kills = Number(env['LEDGER_KILLS'] || 5)
const seed = Number(env['LEDGER_SEED'] || Date.now() % 1_000_000)
const clients = 24

/** Most jobs wait, some compute, none for longer than the time after which a killed worker is detected. */
function draw(random: () => number): { on: RunsOn; ms: number; how: 'wait' | 'compute' } {
  const kind = random()
  if (kind < 0.75) return { on: 'event-loop', ms: Math.floor(random() * 800), how: 'wait' }
  return { on: kind < 0.95 ? 'thread' : 'process', ms: Math.floor(random() * 60), how: 'compute' }
}

/** Submits `jobs` jobs; each client submits one after another. `mayGo(n)` delays the n-th job until enough workers were killed. */
async function submitAll(scenario: Scenario, random: () => number, mayGo: (n: number) => Promise<void>): Promise<void> {
  let next = 0
  const client = async (): Promise<void> => {
    for (let n = next++; n < jobs; n = next++) {
      await mayGo(n)
      const { on, ms, how } = draw(random)
      await scenario.submit(on, { ms, how }, random() < 0.5 ? { waitS: 20 } : {})
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
}

test(`${jobs} jobs and ${kills} killed workers: none is lost, none ends twice`, {
  timeout: 90_000 + kills * 8000 + jobs * 50,
}, async () => {
  const random = seededRandom(seed)
  const scenario = await startScenario(`soak of ${jobs} jobs, ${kills} kills, seed ${seed}`, {
    workers: 3,
    lockMs: 2000,
    env: { REDIS_COMMAND_TIMEOUT_MS: '10000' },
  })
  const kept = keepWorkers(scenario)
  const share = jobs / kills
  // An equal part of the jobs per kill, so that jobs run whenever a worker is killed.
  const mayGo = async (n: number): Promise<void> => {
    await waitFor(
      'enough workers to be killed',
      () => kept.killed() + 1,
      (parts) => n < parts * share,
      { withinMs: 60_000, everyMs: 5 },
    )
  }
  const submitted = submitAll(scenario, random, mayGo)
  for (let killed = 0; killed < kills; killed++) {
    const due = (killed + random()) * share
    await waitFor(
      'a job that may be interrupted',
      () => scenario.entries('accepted').length,
      (accepted) => accepted >= Math.min(due, jobs - clients),
      { withinMs: 60_000 },
    )
    await waitFor(
      'a worker besides the next victim',
      () => kept.alive().length,
      (alive) => alive > 1,
      { withinMs: 60_000 },
    )
    const victim = kept.alive()[Math.floor(random() * kept.alive().length)]
    // Recorded from before the kill: on a busy machine the end of the process is noticed when its jobs already run again.
    if (victim) await scenario.kill('worker_killed', victim)
  }
  await submitted

  // Quarantined jobs run one at a time per process: with 5000 jobs and 50 kills up to 22 s were measured.
  const report = await scenario.finish({ withinMs: 60_000 })
  await kept.stop()
  expect(report.problems).toEqual([])
  expect(report).toMatchObject({ lost: 0, endedTwice: 0, accepted: jobs, unanswered: 0 })
  // A job whose workers are killed repeatedly by chance fails like one that crashes them: 0 to 5 jobs with 50 kills were measured.
  const { succeeded, failed = 0 } = report.states
  expect(succeeded).toBe(jobs - failed)
  expect(failed).toBeLessThanOrEqual(Math.ceil(kills / 5))
  expect(kept.killed()).toBe(kills)
})
