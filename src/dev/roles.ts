import type { Writable } from 'node:stream'
import { modulePath } from '../module-path.ts'
import type { JobType } from './job-types.ts'
import { launchNode } from './node-process.ts'
import type { Plan, Role } from './plan.ts'
import { type Supervised, supervise } from './supervise.ts'

/** Time that the API and the workers get beyond that in which a worker stops before they are killed. */
const stopMarginMs = 1000
const bootWithinMs = 60_000

export interface RolesOptions {
  /** The current folder of the processes. */
  folder: string
  plan: Plan
  /** What keeps Redis running, if this program started it. */
  lease: () => Writable | undefined
  print: (line: string) => void
}

/** The API and the workers of `npm start`. */
export class Roles {
  readonly #options: RolesOptions
  /** Everything that runs, workers that finish their last jobs included. */
  readonly #all = new Set<Supervised>()
  #api: Supervised | undefined
  #workers: Supervised[] = []
  #isStopping = false

  constructor(options: RolesOptions) {
    this.#options = options
  }

  /** Resolves when all are ready. @throws NeverReadyError */
  async start(types: readonly JobType[]): Promise<void> {
    const { plan } = this.#options
    this.#api = this.#launch(plan.api)
    this.#workers = (await plan.workersFor(types)).map((role) => this.#launch(role))
    await Promise.all([this.#api, ...this.#workers].map(({ ready }) => ready))
  }

  /**
   * Replaces all processes, so that they load the job files again. The new workers are ready before the previous ones stop taking jobs,
   * and those end when their running jobs have. The API keeps its port, so its clients are refused until the new one listens.
   *
   * @throws NeverReadyError the previous workers go on if a new one does not become ready
   */
  async reload(types: readonly JobType[]): Promise<void> {
    const { plan } = this.#options
    const fresh = (await plan.workersFor(types)).map((role) => this.#launch(role))
    try {
      await Promise.all(fresh.map(({ ready }) => ready))
    } catch (error) {
      await Promise.all(fresh.map((one) => this.#stop(one)))
      throw error
    }
    const previous = this.#workers
    this.#workers = fresh
    for (const one of previous) void one.retire().then(() => this.#all.delete(one))
    if (this.#api) await this.#stop(this.#api)
    this.#api = this.#launch(plan.api)
    await this.#api.ready
  }

  /** Stops everything. May be called twice, and while {@link reload} runs. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all([...this.#all].map((one) => this.#stop(one)))
  }

  /** Kills everything without waiting. */
  kill(): void {
    for (const one of this.#all) one.kill()
  }

  async #stop(one: Supervised): Promise<void> {
    await one.stop(this.#options.plan.workerStopMs + stopMarginMs)
    this.#all.delete(one)
  }

  #launch({ name, file, env, readyUrl }: Role): Supervised {
    if (this.#isStopping) throw new Error('is stopping')
    const { folder, lease, print } = this.#options
    const args = ['--import', modulePath('jobs/module-hooks'), file]
    const launch = () => launchNode({ args, cwd: folder, env, readyUrl, lease: lease() })
    const one = supervise({ name, launch, print, bootWithinMs })
    this.#all.add(one)
    return one
  }
}
