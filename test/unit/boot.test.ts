import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

/** Prints the heap limit of a role, and what a thread with limits of its own has that starts when the role has booted. */
const program = `
  const { Worker } = await import('node:worker_threads')
  const { getHeapStatistics } = await import('node:v8')
  const { boot } = await import('./src/boot.ts')
  await boot('worker', async () => undefined)
  const code = \`
    import { cachedDataVersionTag, getHeapStatistics } from 'node:v8'
    import { parentPort } from 'node:worker_threads'
    const { heap_size_limit: limit } = getHeapStatistics()
    parentPort.postMessage({ limit, tag: cachedDataVersionTag(), gc: typeof gc })\`
  const thread = new Worker(code, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 24 } })
  thread.once('message', (seen) => console.log(JSON.stringify({ main: getHeapStatistics().heap_size_limit, thread: seen })))
`
const bare = `console.log(process.getBuiltinModule('node:v8').cachedDataVersionTag())`
const options = ['--max-old-space-size=512', '--max-semi-space-size=16']

test('threads of a role have their own heap limits, no gc(), and the compile cache of a process without options', async () => {
  const [{ stdout }, { stdout: tag }] = await Promise.all([
    run(process.execPath, [
      ...options,
      '--import',
      './src/jobs/module-hooks.ts',
      '--input-type=module',
      '--eval',
      program,
    ]),
    run(process.execPath, ['--eval', bare]),
  ])
  const { main, thread } = JSON.parse(stdout)
  const megabytes = (bytes: number) => bytes / 1024 / 1024
  expect(megabytes(main)).toBeGreaterThanOrEqual(512)
  expect(megabytes(main)).toBeLessThan(600)
  expect(megabytes(thread.limit)).toBe(64 + 24)
  expect(thread).toMatchObject({ gc: 'undefined', tag: Number(tag) })
})
