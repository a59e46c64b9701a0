import { setImmediate, setTimeout } from 'node:timers/promises'
import { getHeapStatistics } from 'node:v8'
import { isMainThread, parentPort } from 'node:worker_threads'
import { isExhausted } from '../../../descriptor-watch.ts'
import { killProgram, Programs } from '../programs.ts'
import { GlobalState } from './global-state.ts'

/** A run that has left more than this share of the free heap in use may let the next one run out of memory. */
const maxHeapShare = 0.5
/** Handles may still be closing when a handler returns: they are looked at again after these times, in ms. */
const settleMs = [0, 0, 5, 20]

/**
 * Finds what a run has left behind in its thread or process: active timers, sockets and requests, changed globals, working
 * directory, umask and listeners, memory, and (of a process) running programs, also those that were unref'd. Not seen: timers and
 * handles that were unref'd, variables of modules, open files. Costs less than 0.1 ms when nothing has changed, see {@link Programs}.
 */
export class Leftovers {
  readonly #memoryLimitMb: number
  readonly #globals = new GlobalState()
  #resources = new Map<string, number>()
  #environment: NodeJS.ProcessEnv = {}
  #process = ''
  #usedHeap = 0
  /** A thread shares the programs of its worker. */
  readonly #programs = isMainThread ? new Programs(process.pid) : undefined
  #ownPrograms = new Set<number>()
  #killedPrograms = new Set<number>()

  constructor(memoryLimitMb: number) {
    this.#memoryLimitMb = memoryLimitMb
    this.accept()
  }

  /** Takes the present state as clean. */
  accept(): void {
    this.#globals.accept()
    this.#resources = activeResources()
    this.#environment = { ...process.env }
    this.#process = processState()
    this.#usedHeap = getHeapStatistics().used_heap_size
    this.#ownPrograms = new Set(this.#programs?.find())
  }

  /** What differs from the clean state, in words; empty when nothing does. */
  find(): string[] {
    const environment = isSame(process.env, this.#environment) ? [] : ['changed environment']
    return [...environment, ...describePrograms(this.#findPrograms()), ...this.#findOther()]
  }

  /**
   * Restores the environment, which native libraries change when they are loaded, kills the programs that are left, and finds the
   * rest. A program is among it when it was killed only now.
   */
  tidy(): string[] {
    if (!isSame(process.env, this.#environment)) {
      for (const name of Object.keys(process.env)) if (!(name in this.#environment)) delete process.env[name]
      Object.assign(process.env, this.#environment)
    }
    return [...this.#killPrograms(), ...this.#findOther()]
  }

  /** {@link tidy} after handles that are closing have had some milliseconds to close. */
  async tidySettled(): Promise<string[]> {
    let found = this.tidy()
    for (const ms of settleMs) {
      if (found.length === 0) return found
      // Not counted as active itself: it is unref'd.
      await (ms === 0 ? setImmediate() : setTimeout(ms, undefined, { ref: false }))
      found = this.tidy()
    }
    return found
  }

  /** How many programs were killed since the last call. */
  takeKilled(): number {
    const { size } = this.#killedPrograms
    this.#killedPrograms.clear()
    return size
  }

  /** Empty when there was none. */
  #killPrograms(): string[] {
    try {
      const programs = this.#findPrograms()
      for (const pid of programs) {
        this.#killedPrograms.add(pid)
        killProgram(pid)
      }
      return describePrograms(programs)
    } catch (error) {
      if (isExhausted(error)) return ['no free file descriptor']
      throw error
    }
  }

  #findPrograms(): number[] {
    return this.#programs?.find().filter((pid) => !this.#ownPrograms.has(pid)) ?? []
  }

  #findOther(): string[] {
    const found: string[] = []
    for (const [type, count] of activeResources())
      if (count > (this.#resources.get(type) ?? 0)) found.push(`active ${type}`)
    const global = this.#globals.findChange()
    if (global !== undefined) found.push(`changed ${global}`)
    if (processState() !== this.#process) found.push('changed working directory, umask or listeners of the process')
    const used = getHeapStatistics().used_heap_size
    const free = this.#memoryLimitMb * 1024 * 1024 - this.#usedHeap
    if (used - this.#usedHeap > free * maxHeapShare) found.push(`${Math.round(used / 1024 / 1024)} MB of memory in use`)
    return found
  }
}

function describePrograms(pids: readonly number[]): string[] {
  return pids.length > 0 ? ['running programs'] : []
}

function activeResources(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1)
  return counts
}

function isSame(now: NodeJS.ProcessEnv, before: NodeJS.ProcessEnv): boolean {
  const names = Object.keys(now)
  return names.length === Object.keys(before).length && names.every((name) => now[name] === before[name])
}

function processState(): string {
  const emitters: Pick<NodeJS.EventEmitter, 'eventNames' | 'listenerCount'>[] = parentPort
    ? [process, parentPort]
    : [process]
  const listeners = emitters.flatMap((emitter) =>
    emitter.eventNames().map((name) => `${String(name)}:${emitter.listenerCount(name)}`),
  )
  // A thread can change neither directory nor umask.
  const place = isMainThread ? [process.cwd(), process.umask()] : []
  return [...place, process.exitCode, process.hasUncaughtExceptionCaptureCallback(), ...listeners].join()
}
