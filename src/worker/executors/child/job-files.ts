import { flushCompileCache } from 'node:module'
import { basename } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { isJob, type Job } from '../../../jobs/define-job.ts'
import { PermanentError } from '../../../jobs/job-error.ts'
import type { Leftovers } from './leftovers.ts'

/** Imports job files. What a file changes or opens while it is imported belongs to its type and is no leftover of a run. */
export class JobFiles {
  readonly #leftovers: Leftovers
  readonly #imported = new Set<string>()
  #isBound = false

  constructor(leftovers: Leftovers) {
    this.#leftovers = leftovers
  }

  /** Whether the import of a file has changed globals or opened handles: only runs of that file may use this host from then on. */
  get isBound(): boolean {
    return this.#isBound
  }

  /** A file that does not load is a permanent failure: the module cache keeps the error, and the worker has loaded the file before. */
  async import(file: string, type: string): Promise<Job> {
    const name = basename(file)
    try {
      const module: { default?: unknown } = await import(pathToFileURL(file).href)
      if (!this.#imported.has(file)) await this.#onImported(file)
      if (isJob(module.default) && module.default.type === type) return module.default
    } catch (cause) {
      throw new PermanentError(`failed to load the job file ${name}`, { cause })
    }
    throw new PermanentError(`the job file ${name} no longer declares the job type "${type}"`)
  }

  async #onImported(file: string): Promise<void> {
    this.#imported.add(file)
    // Node.js writes its compile cache at exit, which a killed thread or process never reaches. No effect without
    // NODE_COMPILE_CACHE; with it the next host starts in half the time and without the type stripper in memory.
    flushCompileCache()
    if (this.#leftovers.find().length === 0) return
    // Requests of the import itself may still be closing.
    await setImmediate()
    if (this.#leftovers.find().length === 0) return
    this.#leftovers.accept()
    this.#isBound = true
  }
}
