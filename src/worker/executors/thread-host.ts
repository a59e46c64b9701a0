import { Worker } from 'node:worker_threads'
import { childFile, childImports } from './child-files.ts'
import { forwardLines } from './forward-lines.ts'
import { type Host, type HostEnd, type HostSettings, hostLines } from './host.ts'
import type { ChildSettings } from './protocol.ts'

/**
 * At its limit V8 gives a thread 16 MB more to end in, and aborts the whole worker when one collection promotes more than that:
 * with its usual young generation (48 MB) that happened to one thread in about a hundred.
 */
const youngGenerationMb = 24

/**
 * Starts a thread with its own heap, of which `memoryLimitMb` bounds the old generation: buffers and native memory lie outside
 * of it. `kill` ends JavaScript at once; native code runs on until it returns.
 *
 * The limit holds for code that allocates piece by piece. One built-in that fills far more at a stretch
 * (`new Array(1e9).fill({})`, tried) gives V8 no chance to end the thread alone and takes the worker along: what is not
 * trusted that far belongs in a process.
 *
 * @throws when the system refuses another thread.
 */
export function spawnThread(settings: HostSettings): Host {
  const workerData: ChildSettings = { allowCidrs: settings.allowCidrs, parentPid: process.pid }
  const worker = new Worker(childFile, {
    workerData,
    name: 'drover job',
    execArgv: childImports,
    resourceLimits: { maxOldGenerationSizeMb: settings.memoryLimitMb, maxYoungGenerationSizeMb: youngGenerationMb },
    stdout: true,
    stderr: true,
  })
  const name = { threadId: worker.threadId }
  for (const stream of ['stdout', 'stderr'] as const)
    forwardLines(worker[stream], hostLines(settings.log, name, stream))
  worker.on('message', settings.onMessage)
  // A message that cannot be read here may have been the outcome, which would be waited for.
  worker.on('messageerror', () => void worker.terminate())
  return {
    name,
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    send: (message) => worker.postMessage(message),
    kill: () => void worker.terminate(),
    gone: whenGone(worker),
  }
}

function whenGone(worker: Worker): Promise<HostEnd> {
  return new Promise((resolve) => {
    let end: HostEnd | undefined
    // The thread still exists when it reports its error: only `exit` says that it is gone.
    worker.on('error', (error) => {
      end = isOutOfMemory(error) ? { kind: 'out_of_memory' } : { kind: 'error', message: describe(error) }
    })
    worker.on('exit', (code) => resolve(end ?? { kind: 'exit', code }))
  })
}

function isOutOfMemory(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
}

function describe(error: unknown): string {
  const { message } = Object(error) as { message?: unknown }
  return `the job's thread ended: ${typeof message === 'string' ? message : 'of an error that is not an Error'}`
}
