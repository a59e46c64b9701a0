import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** `leaf` and `leaf-on-thread` return their value after a while, or fail; they log `runs` for each start. */
const leaf = (runsOn: string, type: string) => `
  import { setTimeout as sleep } from 'node:timers/promises'
  import { defineJob, PermanentError } from 'drover'
  import { z } from 'zod'
  export default defineJob({
    type: '${type}', title: 'A child', runsOn: '${runsOn}', timeoutMs: 120_000,
    input: z.object({ value: z.unknown(), ms: z.int().default(0), fails: z.string().optional() }),
    output: z.object({ value: z.unknown(), tenant: z.string() }),
    async run({ value, ms, fails }, job) {
      job.log('runs')
      if (ms > 0) await sleep(ms, undefined, { signal: job.signal })
      if (fails) throw new PermanentError('it was to fail', { code: fails })
      return { value, tenant: job.tenant }
    },
  })`

/**
 * `parent` submits jobs as it is asked to, and returns what it got, or the error that it caught; with `throws` it does not catch. Its first start ends its worker
 * by SIGKILL before it submits or behind it, where it is asked to.
 */
const parent = (runsOn: string, type: string) => `
  import { defineJob } from 'drover'
  import { z } from 'zod'
  const child = z.object({ type: z.string(), input: z.unknown() }).catchall(z.unknown())
  export default defineJob({
    type: '${type}', title: 'A parent', runsOn: '${runsOn}', queue: 'io', timeoutMs: 120_000,
    input: z.object({
      how: z.enum(['run', 'each', 'all', 'gather', 'settled', 'start', 'signal']),
      children: z.array(child), times: z.int().default(1), throws: z.boolean().default(false),
      dies: z.enum(['before', 'behind']).optional(), fails: z.boolean().default(false),
    }),
    output: z.unknown(),
    async run({ how, children, times, throws, dies, fails }, job) {
      job.log('begins')
      const isFirst = job.fence % 1_000_000 === 1
      const all = Array.from({ length: times }, () => children).flat()
      const run = ({ type, input, ...options }) => job.run(type, input, options)
      const start = ({ type, input, ...options }) => job.start(type, input, options)
      if (isFirst && dies === 'before') process.kill(process.pid, 'SIGKILL')
      try {
        if (how === 'run') return await run(all[0])
        if (how === 'all') return await Promise.all(all.map(run))
        if (how === 'signal') return await Promise.all([run(all[0]), job.waitForSignal('go')])
        if (how === 'each') {
          const results = []
          for (const one of all) results.push(await run(one))
          return results
        }
        if (how === 'start') {
          const started = await Promise.all(all.map(start))
          if (isFirst && dies === 'behind') process.kill(process.pid, 'SIGKILL')
          if (fails) throw new Error('the parent fails')
          return { ids: started.map(({ id }) => id), results: await job.gather(started) }
        }
        const results = await job.gather(all, { settled: how === 'settled' })
        return how === 'settled' ? results.map(({ status, value, reason }) => ({ status, value, code: reason?.code })) : results
      } catch (error) {
        if (throws || fails) throw error
        const { code, message, childId, state, retryable } = error
        return { code, message, childId, state, retryable }
      }
    },
  })`

/** Submits itself until that is refused. */
const deep = `
  import { defineJob } from 'drover'
  import { z } from 'zod'
  export default defineJob({
    type: 'deep', title: 'Goes down', runsOn: 'event-loop',
    input: z.object({ level: z.int() }), output: z.object({ level: z.int(), code: z.string() }),
    async run({ level }, job) {
      try {
        return await job.run('deep', { level: level + 1 })
      } catch ({ code }) {
        return { level, code }
      }
    },
  })`

/** A folder of these job types, for JOBS_DIR, which is removed after the test, or by what is passed to `onEnd`. */
export async function parentJobs(onEnd: (remove: () => Promise<void>) => void = onTestFinished): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'drover-jobs-'))
  onEnd(() => rm(dir, { recursive: true, force: true }))
  const files = {
    leaf: leaf('event-loop', 'leaf'),
    'leaf-on-thread': leaf('thread', 'leaf-on-thread'),
    parent: parent('event-loop', 'parent'),
    'parent-on-thread': parent('thread', 'parent-on-thread'),
    'parent-on-process': parent('process', 'parent-on-process'),
    deep,
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, `${name}.ts`), text)
  return dir
}
