import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { nextChange } from '../src/dev/watch-files.ts'

// Runs `node …arguments`, and restarts it when a file in src/ or jobs/ changes. If it has ended by itself, it is restarted at the
// next change.

/** One save causes several events. */
const settleMs = 100

const stop = new AbortController()
const stopped = once(stop.signal, 'abort')
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort())

while (!stop.signal.aborted) {
  // Before the start, so that a change while the program loads counts too.
  const change = nextChange(['src', 'jobs'])
  const child = spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit' })
  const ended = once(child, 'exit')
  await Promise.race([change.happened, stopped])
  if (!stop.signal.aborted) await sleep(settleMs)
  change.close()
  child.kill('SIGTERM')
  await ended
}
