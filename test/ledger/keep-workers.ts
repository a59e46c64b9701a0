import type { Scenario, Worker } from './scenario.ts'

/** Workers that are restarted whenever one of them is killed, as a supervisor does. */
export interface KeptWorkers {
  /** The workers that run now. */
  alive(): readonly Worker[]
  /** Number of killed workers. */
  killed(): number
  /** Ends the restarts, not the workers. Call it before the test ends. Rejects if a worker could not be started. */
  stop(): Promise<void>
}

/** Restarts killed workers of a scenario, and records each kill. */
export function keepWorkers(scenario: Scenario): KeptWorkers {
  const alive = new Set<Worker>()
  const starting = new Set<Promise<void>>()
  let stopped = false
  let killed = 0

  const keep = (worker: Worker): void => {
    alive.add(worker)
    void watch(worker)
  }
  const watch = async (worker: Worker): Promise<void> => {
    await worker.ended
    alive.delete(worker)
    if (stopped) return
    killed++
    const now = Date.now()
    scenario.recordFault({ what: 'worker_killed', worker: worker.pid, from: now, until: now })
    starting.add(scenario.addWorker().then(keep))
  }
  for (const worker of scenario.workers) keep(worker)
  return {
    alive: () => [...alive],
    killed: () => killed,
    async stop() {
      stopped = true
      await Promise.all(starting)
    },
  }
}
