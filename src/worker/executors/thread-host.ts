import { Worker } from 'node:worker_threads'
import { childFile, childImports } from './child-files.ts'
import { forwardLines } from './forward-lines.ts'
import { type Host, type HostEnd, type HostSettings, hostLines } from './host.ts'
import type { ChildSettings } from './protocol.ts'

/**
 * At its heap limit V8 grants a thread 16 MB more to end in, and aborts the whole worker if one collection promotes more than that.
 * With the default young generation (48 MB) that happened to about one thread in a hundred.
 */
const youngGenerationMb = 24

const unreadable = "the job's thread sent its worker a message that cannot be read"

/**
 * Starts a thread with its own heap. `memoryLimitMb` bounds its old generation; buffers and native memory are not counted. `kill`
 * ends JavaScript at once; native code runs on until it returns.
 *
 * The limit holds for code that allocates in small steps. A built-in that allocates far more in one step
 * (`new Array(1e9).fill({})`, tried) ends the whole worker: code that is not trusted that far belongs in a process.
 *
 * @throws when the system refuses another thread.
 */
export function spawnThread(settings: HostSettings): Host {
  const { allowCidrs, memoryLimitMb } = settings
  const workerData: ChildSettings = { allowCidrs, memoryLimitMb, parentPid: process.pid }
  const worker = new Worker(childFile, {
    workerData,
    name: 'drover job',
    execArgv: childImports,
    env: settings.environment,
    resourceLimits: { maxOldGenerationSizeMb: memoryLimitMb, maxYoungGenerationSizeMb: youngGenerationMb },
    stdout: true,
    stderr: true,
  })
  const name = { threadId: worker.threadId }
  for (const stream of ['stdout', 'stderr'] as const)
    forwardLines(worker[stream], hostLines(settings.log, name, stream))
  worker.on('message', settings.onMessage)
  // An unreadable message may have been the outcome, for which the task would wait until its timeout.
  let isUnreadable = false
  worker.on('messageerror', () => {
    isUnreadable = true
    void worker.terminate()
  })
  return {
    name,
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    send: (message) => worker.postMessage(message),
    kill: () => void worker.terminate(),
    gone: whenGone(worker).then((end) => (isUnreadable ? { kind: 'invalid_message', message: unreadable } : end)),
  }
}

function whenGone(worker: Worker): Promise<HostEnd> {
  return new Promise((resolve) => {
    let end: HostEnd | undefined
    // The thread still exists when it reports its error; it is gone only at `exit`.
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
  return `the job's thread ended: ${typeof message === 'string' ? message : 'it threw a value that is not an Error'}`
}
