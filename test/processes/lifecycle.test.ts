import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'

interface Subject {
  child: ChildProcess
  /** Resolves when it has printed `line`. */
  printed: (line: string) => Promise<void>
  /** The exit code and all lines, once it has ended. */
  ended: Promise<{ code: unknown; lines: string[] }>
}

/** Runs `main` in a process whose `lifecycle` has two seconds to stop, and prints what the lifecycle logs. */
function run(main: string): Subject {
  const code = `
    import { setTimeout as sleep } from 'node:timers/promises'
    import { createLifecycle } from './src/lifecycle.ts'
    const print = (...words) => console.log(words.filter(Boolean).join(' '))
    const log = {
      info: (_, message) => print(message),
      error: ({ part, err }, message) => print(part, message, err?.message),
      fatal: ({ err }, message) => print(message, err.message),
    }
    const lifecycle = createLifecycle({ log, stopWithinMs: 2000, killNow: () => print('killNow') })
    setInterval(() => {}, 1000)
    ${main}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: join(import.meta.dirname, '../..'),
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const { stdout } = child
  if (stdout === null) throw new Error('there is a pipe')
  const lines: string[] = []
  const reader = createInterface(stdout).on('line', (line) => lines.push(line))
  return {
    child,
    async printed(line) {
      while (!lines.includes(line)) await once(reader, 'line')
    },
    ended: Promise.all([once(child, 'exit'), once(reader, 'close')]).then(([[code]]) => ({ code, lines })),
  }
}

const twoParts = `
  lifecycle.onStop('first', async () => { await sleep(50); print('first stopped') })
  lifecycle.onStop('second', () => print('second stopped'))
  print('up')`

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s stops the parts in reverse order and exits with 0',
  async (signal) => {
    const { child, printed, ended } = run(twoParts)
    await printed('up')
    child.kill(signal)
    expect(await ended).toEqual({ code: 0, lines: ['up', 'stopping', 'second stopped', 'first stopped'] })
  },
)

test('the end of the parent process stops the process like a signal', async () => {
  const { child, printed, ended } = run(twoParts)
  await printed('up')
  child.disconnect()
  expect((await ended).code).toBe(0)
  expect((await ended).lines).toContain('first stopped')
})

test('two signals of one key press stop in order, a later signal exits immediately', async () => {
  const { child, printed, ended } = run(`
    lifecycle.onStop('slow', async () => { print('begun'); await sleep(800); print('half'); await sleep(900); print('done') })
    print('up')`)
  await printed('up')
  child.kill('SIGINT')
  child.kill('SIGINT')
  await printed('half')
  child.kill('SIGINT')
  expect(await ended).toEqual({
    code: 1,
    lines: ['up', 'stopping', 'begun', 'half', 'second signal, exiting immediately', 'killNow'],
  })
})

test('a part that hangs or fails is skipped, the others still stop, and the exit code is 1', async () => {
  const { child, printed, ended } = run(`
    lifecycle.onStop('last', () => print('last stopped'))
    lifecycle.onStop('failing', () => { throw new Error('no') })
    lifecycle.onStop('hanging', () => new Promise(() => {}))
    print('up')`)
  await printed('up')
  child.kill('SIGTERM')
  expect(await ended).toEqual({
    code: 1,
    lines: [
      'up',
      'stopping',
      'hanging part did not stop in time, skipping it',
      'failing part failed to stop, skipping it no',
      'last stopped',
    ],
  })
})

test('a slow part may take most of the time, however many parts stop after it', async () => {
  const { child, printed, ended } = run(`
    for (let n = 0; n < 30; n++) lifecycle.onStop('quick', () => {})
    lifecycle.onStop('slow', () => sleep(1000))
    print('up')`)
  await printed('up')
  child.kill('SIGTERM')
  expect(await ended).toEqual({ code: 0, lines: ['up', 'stopping'] })
})

test('a part that blocks the event loop delays the exit only up to the limit', async () => {
  const { child, printed, ended } = run(`
    lifecycle.onStop('never', () => print('not reached'))
    lifecycle.onStop('blocking', async () => { const end = Date.now() + 3000; while (Date.now() < end); await sleep(60_000) })
    print('up')`)
  await printed('up')
  child.kill('SIGTERM')
  expect(await ended).toEqual({ code: 1, lines: ['up', 'stopping', 'failed to stop in time, exiting', 'killNow'] })
})

test.each([
  ['a module that throws while it boots', `await sleep(1); throw new Error('broken')`],
  ['an unhandled rejection', `Promise.reject(new Error('broken'))`],
  ['an exception in a callback', `setTimeout(() => { throw new Error('broken') }, 1)`],
])('%s stops what is open and exits with 1', async (_, fault) => {
  const { ended } = run(`lifecycle.onStop('part', () => print('part stopped')); ${fault}`)
  expect(await ended).toEqual({ code: 1, lines: ['unexpected error, stopping broken', 'part stopped'] })
})

test('an interrupted boot also stops what it opens afterwards', async () => {
  const { child, printed, ended } = run(`
    lifecycle.onStop('early', async () => { print('stopping early'); await sleep(200); print('early stopped') })
    print('up')
    await new Promise((resolve) => lifecycle.signal.addEventListener('abort', resolve))
    lifecycle.onStop('late', () => print('late stopped'))`)
  await printed('up')
  child.kill('SIGTERM')
  expect(await ended).toEqual({ code: 0, lines: ['up', 'stopping', 'stopping early', 'early stopped', 'late stopped'] })
})

test('stop and exit may be called twice, and the first exit code is kept', async () => {
  const { ended } = run(`
    lifecycle.onStop('part', () => print('part stopped'))
    print((await lifecycle.stop()) && (await lifecycle.stop()) ? 'clean' : 'not clean')
    lifecycle.exit(7)
    lifecycle.exit()`)
  expect(await ended).toEqual({ code: 7, lines: ['part stopped', 'clean'] })
})
