import type { Scenario, Worker } from './scenario.ts'

/** Workers that are started again whenever one of them is killed, as a supervisor does. */
export interface KeptWorkers {
  /** Those that are there now. */
  alive(): readonly Worker[]
  /** How many were killed. */
  killed(): number
  /** Ends the keeping, not the workers. To be called before the test ends. Rejects when a worker could not be started. */
  stop(): Promise<void>
}

/** Keeps the workers of a scenario alive, and writes down each death. */
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
