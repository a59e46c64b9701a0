import type { RunsOn } from '../../jobs/define-job.ts'
import { createEgress } from '../egress/egress.ts'
import { createEventLoopExecutor } from './event-loop.ts'
import type { Executor, ExecutorLog } from './executor.ts'
import { HostPool } from './pool.ts'
import { spawnProcess } from './process-host.ts'
import { spawnThread } from './thread-host.ts'

export interface ExecutorsOptions {
  /** How many threads, and how many child processes, may exist at once. None is started before a job needs it. */
  threads: number
  processes: number
  /** What handlers may fetch beside public addresses. */
  allowCidrs: readonly string[]
  log: ExecutorLog
}

export interface Executors {
  for(runsOn: RunsOn): Executor
  /**
   * Ends what runs in threads and processes, and every connection of handlers on the event loop; resolves when all threads
   * and processes are gone. Safe to call twice.
   */
  close(): Promise<void>
}

/**
 * The three ways to run a handler, for one worker. Starts nothing.
 *
 * @throws TypeError when an entry of `allowCidrs` is not a CIDR block.
 */
export function createExecutors({ threads, processes, allowCidrs, log }: ExecutorsOptions): Executors {
  const egress = createEgress({ allowCidrs })
  const threadPool = new HostPool({ spawn: spawnThread, size: threads, allowCidrs, log })
  const processPool = new HostPool({ spawn: spawnProcess, size: processes, allowCidrs, log })
  const executors: Record<RunsOn, Executor> = {
    'event-loop': createEventLoopExecutor({ fetch: egress.fetch, log }),
    thread: threadPool,
    process: processPool,
  }
  return {
    for: (runsOn) => executors[runsOn],
    async close() {
      await Promise.all([threadPool.close(), processPool.close(), egress.close()])
    },
  }
}
