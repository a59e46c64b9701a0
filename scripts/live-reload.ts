import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FSWatcher, globSync, watch } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

// Runs `node …arguments`, and starts it again when something in src/ or jobs/ changes; one that ended by itself waits for the
// next change. Not `node --watch`, which watches files: it loses one that is saved by renaming, as git and vim do (Node 24.21).

/** One save comes as several events. */
const settleMs = 100

const stop = new AbortController()
const stopped = once(stop.signal, 'abort')
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort())

while (!stop.signal.aborted) {
  // Before the start: a change while the program loads counts too.
  const change = nextChange()
  const child = spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit' })
  const ended = once(child, 'exit')
  await Promise.race([change.happened, stopped])
  if (!stop.signal.aborted) await sleep(settleMs)
  change.close()
  child.kill('SIGTERM')
  await ended
}

/** Watches the folders that there are now, those of src/ and jobs/ and all below. */
function nextChange(): { happened: Promise<void>; close: () => void } {
  const watchers: FSWatcher[] = []
  const happened = new Promise<void>((resolve) => {
    for (const folder of globSync(['src', 'jobs', '{src,jobs}/**/'])) {
      watchers.push(watch(folder, () => resolve()).on('error', () => resolve()))
    }
  })
  return { happened, close: () => watchers.forEach((watcher) => watcher.close()) }
}
