import { onTestFinished } from 'vitest'
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

/** So many workers in a row that end before they are ready are a fault of their start. */
const maxStarts = 4

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
    const started = start()
    // `stop` reports it; a test that fails before does not call that.
    started.catch(() => undefined)
    starting.add(started)
  }
  /** A worker may fetch a job that takes it along before it is ready: then another is started. */
  const start = async (): Promise<void> => {
    for (let tries = 1; ; tries++) {
      if (stopped) return
      try {
        return keep(await scenario.addWorker())
      } catch (error) {
        if (tries === maxStarts) throw error
      }
    }
  }
  for (const worker of scenario.workers) keep(worker)
  // A test that fails does not call `stop`, and its workers are killed next.
  onTestFinished(() => void (stopped = true))
  return {
    alive: () => [...alive],
    killed: () => killed,
    async stop() {
      stopped = true
      await Promise.all(starting)
    },
  }
}
