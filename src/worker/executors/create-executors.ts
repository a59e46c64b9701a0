import type { RunsOn } from '../../jobs/define-job.ts'
import { createEgress } from '../egress/egress.ts'
import { createEventLoopExecutor } from './event-loop.ts'
import type { Executor, ExecutorLog } from './executor.ts'
import { HostPool } from './pool.ts'
import { spawnProcess } from './process-host.ts'
import { ProgramRunner } from './program/program-runner.ts'
import { spawnThread } from './thread-host.ts'

export interface ExecutorsOptions {
  /** The maximum number of threads and of child processes. Each is started when a job needs it. */
  threads: number
  processes: number
  /** Private address ranges that handlers may call. */
  allowCidrs: readonly string[]
  /** All environment variables of threads and processes. Handlers on the event loop share those of this process. */
  environment: NodeJS.ProcessEnv
  /** The user that child processes run as; undefined: that of this process. */
  user?: { uid: number; gid: number } | undefined
  log: ExecutorLog
}

export interface Executors {
  for(runsOn: RunsOn): Executor
  /** Closes the connections of handlers on the event loop that are kept alive and not in use. */
  closeIdleConnections(): void
  /**
   * Ends all threads and processes and every connection of handlers on the event loop. Resolves when they are gone. Safe to call
   * twice.
   */
  close(): Promise<void>
}

/**
 * The executors of one worker. Starts no thread or process.
 *
 * @throws TypeError when an entry of `allowCidrs` is not a CIDR block.
 */
export function createExecutors(options: ExecutorsOptions): Executors {
  const { threads, processes, allowCidrs, environment, user, log } = options
  const egress = createEgress({ allowCidrs })
  const hosts = { allowCidrs, environment, user }
  const threadPool = new HostPool({ spawn: spawnThread, size: threads, hosts, log })
  const programs = new ProgramRunner()
  const processPool = new HostPool({
    spawn: (settings) => (settings.program ? programs.openSeat(settings, settings.program) : spawnProcess(settings)),
    size: processes,
    hosts,
    log,
  })
  const executors: Record<RunsOn, Executor> = {
    'event-loop': createEventLoopExecutor({ fetch: egress.fetch, log }),
    thread: threadPool,
    process: processPool,
  }
  return {
    for: (runsOn) => executors[runsOn],
    closeIdleConnections: () => egress.closeIdle(),
    async close() {
      await Promise.all([programs.close(), threadPool.close(), processPool.close(), egress.close()])
    },
  }
}
