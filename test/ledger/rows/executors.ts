import { setTimeout as sleep } from 'node:timers/promises'
import type { Clients } from '../clients.ts'
import type { Row } from '../row.ts'

/** Processes of jobs that run now, by the log of their handlers. */
function runningChildren(clients: Clients): number[] {
  const running = new Map<string, number>()
  for (const entry of clients.entries()) {
    if (entry.kind === 'start' && entry.pid !== entry.worker) running.set(entry.run, entry.pid)
    if (entry.kind === 'end') running.delete(entry.run)
  }
  return [...running.values()]
}

/** Faults of the threads and processes that run handlers. */
export const executorRows: Row[] = [
  {
    name: 'thread-ends',
    title: 'Ten handlers end their thread (process.exit)',
    async cause(world, clients) {
      for (let n = 0; n < 10; n++) await world.fault(() => clients.submit('thread', { ms: 20, how: 'exit-host' }))
    },
  },
  {
    name: 'child-sigkill',
    title: 'SIGKILL of the child process of a running job, ten times',
    async cause(world, clients) {
      for (let n = 0; n < 10; n++) {
        await clients.submit('process', { ms: 2000, how: 'wait' })
        let [child] = runningChildren(clients)
        for (; child === undefined; [child] = runningChildren(clients)) await sleep(10)
        const pid = child
        await world.fault(() => kill(pid))
      }
    },
  },
]

/** It may have ended meanwhile. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
