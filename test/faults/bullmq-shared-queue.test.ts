import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { expect, inject, onTestFinished, test } from 'vitest'
import { keyPrefix } from '../helpers/key-prefix.ts'
import { redisClient } from '../helpers/redis-client.ts'
import { waitFor } from '../helpers/wait-for.ts'
import type { Entry, ProgramOptions } from './fixtures/bullmq-program.ts'

const root = join(import.meta.dirname, '../..')
const program = join(import.meta.dirname, 'fixtures/bullmq-program.ts')
const backends = ['ours', 'stock'] as const
const jobsEach = 1500
const kills = 8

/** Programs that share one queue. All are gone at the end of the test. */
function startPrograms(common: Pick<ProgramOptions, 'redisUrl' | 'prefix' | 'ledger'>) {
  const running = new Map<ChildProcess, ProgramOptions>()
  const killed = new Set<number | undefined>()
  const start = (role: ProgramOptions['role'], backend: ProgramOptions['backend'], from = 0) => {
    const options: ProgramOptions = { ...common, role, backend, from, to: jobsEach }
    const child = spawn(process.execPath, ['--import', './src/jobs/module-hooks.ts', program], {
      cwd: root,
      env: { ...process.env, PROGRAM: JSON.stringify(options) },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    running.set(child, options)
    child.once('exit', () => running.delete(child))
  }
  const kill = async (child: ChildProcess) => {
    killed.add(child.pid)
    const over = once(child, 'exit')
    child.kill('SIGKILL')
    await over
  }
  const find = (role: ProgramOptions['role'], backend: ProgramOptions['backend']) =>
    Array.from(running).find(([, options]) => options.role === role && options.backend === backend)?.[0]
  onTestFinished(async () => void (await Promise.all(Array.from(running.keys(), kill))))
  return { start, kill, find, killed }
}

test('stock producers and workers share a queue with ours under load and kills: nothing is lost, nothing runs twice but what a killed worker held', async () => {
  const redis = await redisClient()
  const [prefix, ledger] = [keyPrefix(), `${keyPrefix()}:ledger`]
  const programs = startPrograms({ redisUrl: inject('redisUrl'), prefix, ledger })
  const ended = () => redis.zcard(`${prefix}:shared:completed`)
  const entries = async (): Promise<Entry[]> => (await redis.lrange(ledger, 0, -1)).map((text) => JSON.parse(text))
  const added = async () => (await entries()).flatMap((entry) => ('added' in entry ? [entry.added] : []))

  for (const backend of backends) {
    programs.start('producer', backend)
    for (const _ of [1, 2]) programs.start('worker', backend)
  }
  for (let n = 1; n <= kills; n++) {
    // While most are still to come: a kill has something to break then.
    await waitFor('jobs to end', ended, (count) => count > (n * jobsEach) / kills, { withinMs: 60_000 })
    const backend = backends[n % 2] ?? 'ours'
    const role = n % 4 < 2 ? 'worker' : 'producer'
    const victim = programs.find(role, backend)
    if (!victim) continue
    await programs.kill(victim)
    // A producer goes on behind the last add that was answered.
    const answered = (await added()).filter((id) => id.startsWith(backend)).length
    programs.start(role, backend, role === 'producer' ? answered : 0)
  }
  const total = jobsEach * backends.length
  await waitFor('all to end', ended, (count) => count === total, { withinMs: 60_000, everyMs: 100 })

  const queue = new Queue('shared', { connection: redis, prefix })
  onTestFinished(() => queue.close())
  const { completed, ...others } = await queue.getJobCounts()
  expect(completed).toBe(total)
  expect(Object.values(others).filter((count) => count > 0)).toEqual([])

  const all = await entries()
  const stored = new Set(await redis.zrange(`${prefix}:shared:completed`, '0', '-1'))
  expect((await added()).filter((id) => !stored.has(id))).toEqual([])

  const started = all.flatMap((entry) => ('started' in entry ? [entry] : []))
  const pairs = new Set(started.map((entry) => `${entry.started.split('-')[0]} to ${entry.over}`))
  expect([...pairs].toSorted()).toEqual(['ours to ours', 'ours to stock', 'stock to ours', 'stock to stock'])
  const starts = Map.groupBy(started, (entry) => `${entry.started}, attempt ${entry.attempt}`)
  // Else the kills have met nobody.
  expect(starts.size).toBeLessThan(started.length)
  const twice = Array.from(starts).filter(([, runs]) => runs.slice(0, -1).some(({ by }) => !programs.killed.has(by)))
  expect(twice).toEqual([])

  const events = await redis.xrange(`${prefix}:shared:events`, '-', '+')
  const ends = events.flatMap(([, [, event, , id]]) => (event === 'completed' ? [id] : []))
  expect(ends).toHaveLength(total)
  expect(new Set(ends).size).toBe(total)
}, 150_000)
