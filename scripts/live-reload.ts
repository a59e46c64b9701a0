import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FSWatcher, globSync, watch } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

// Runs `node …arguments`, and restarts it when a file in src/ or jobs/ changes. If it has ended by itself, it is restarted at the
// next change. `node --watch` watches files, and loses a file that is saved by renaming, as git and vim do (Node.js 24.21).

/** One save causes several events. */
const settleMs = 100

const stop = new AbortController()
const stopped = once(stop.signal, 'abort')
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort())

while (!stop.signal.aborted) {
  // Before the start, so that a change while the program loads counts too.
  const change = nextChange()
  const child = spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit' })
  const ended = once(child, 'exit')
  await Promise.race([change.happened, stopped])
  if (!stop.signal.aborted) await sleep(settleMs)
  change.close()
  child.kill('SIGTERM')
  await ended
}

/** Watches the current folders below src/ and jobs/. */
function nextChange(): { happened: Promise<void>; close: () => void } {
  const watchers: FSWatcher[] = []
  const happened = new Promise<void>((resolve) => {
    for (const folder of globSync(['src', 'jobs', '{src,jobs}/**/'])) {
      watchers.push(watch(folder, () => resolve()).on('error', () => resolve()))
    }
  })
  return { happened, close: () => watchers.forEach((watcher) => watcher.close()) }
}
