import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Reporter, SerializedError, TestModule } from 'vitest/node'
import { type KnownFailure, knownFailures } from './known-failures.ts'

declare module 'vitest' {
  interface ProvidedContext {
    bullmqTests: {
      sourcesFolder: string
      redisUrl: string
      backend: Backend
      /** Where the process of each test file writes what served it: one line of JSON ({@link Served}) for each class. */
      servedFile: string
    }
  }
}

/** What BullMQ's tests run over: our backend, or the one that BullMQ takes by itself. */
export type Backend = 'ours' | 'stock'

/** What served a test file. */
export interface Served {
  className: string
  /** How many queues, workers and so on had one. */
  backends: number
  /** Calls to Redis that carried more than one add, end or fetch. */
  batchedCalls: number
}

/** Says at the end of a run which backend served and which of the failures are known. */
export class BackendReporter implements Reporter {
  /** Failures that {@link knownFailures} does not list, and whatever else makes the run worthless. */
  problems = 0
  readonly #backend: Backend
  readonly #servedFile: string

  constructor(backend: Backend, servedFile: string) {
    this.#backend = backend
    this.#servedFile = servedFile
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    for (const module of modules) this.#reportFailures(module)
    for (const { name, message } of unhandled)
      this.#reportFailure(`unhandled ${name ?? 'error'}: ${message}`, undefined)
    this.#reportServed()
  }

  #reportFailures(module: TestModule): void {
    const file = basename(module.moduleId)
    const isKnownHere = (one: KnownFailure) => one.file === file && (one.over === 'both' || one.over === this.#backend)
    const known = knownFailures.filter(isKnownHere)
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      const reason = known.find((one) => test.name === one.test)?.reason
      const name = `${file}: ${test.fullName}`
      if (state === 'failed') this.#reportFailure(name, reason)
      else if (test.diagnostic()?.flaky) console.log(`passed at the second attempt: ${name}`)
      else if (state === 'passed' && reason !== undefined) console.log(`passed, although it is known to fail: ${name}`)
    }
    // A file that does not load, or a suite whose hook fails, has no failed test to show for it.
    const brokenFile = !module.ok() && module.children.allTests('failed').next().done
    if (brokenFile) this.#reportFailure(file, undefined)
  }

  #reportFailure(name: string, reason: string | undefined): void {
    if (reason === undefined) this.problems += 1
    console.log(reason === undefined ? `FAILED: ${name}` : `failed as known: ${name} (${reason})`)
  }

  #reportServed(): void {
    const lines = existsSync(this.#servedFile) ? readFileSync(this.#servedFile, 'utf8').trim().split('\n') : []
    const total = new Map<string, Served>()
    for (const line of lines) {
      const one: Served = JSON.parse(line)
      const before = total.get(one.className) ?? { ...one, backends: 0, batchedCalls: 0 }
      total.set(one.className, {
        ...before,
        backends: before.backends + one.backends,
        batchedCalls: before.batchedCalls + one.batchedCalls,
      })
    }
    let batchedCalls = 0
    for (const one of total.values()) {
      batchedCalls += one.batchedCalls
      console.log(`${one.className} served ${one.backends} times and batched ${one.batchedCalls} calls`)
    }
    if (this.#backend === 'stock' || batchedCalls > 0) return
    console.log('no call was batched: this run says nothing of our backend')
    this.problems += 1
  }
}
