import { readFileSync } from 'node:fs'
import { isExhausted } from '../../../descriptor-watch.ts'
import { membersOf, readProcesses } from '../programs.ts'

/** How often memory is measured. A program that allocates faster may exceed its limit by what it gets in this time. */
const intervalMs = 300
/** Processes that were found to belong to others are read again after so many turns. */
const foreignForTurns = 30

interface Watched {
  limitMb: number
  onExceeded: () => void
}

/**
 * Measures the resident memory of process groups: that of the leader, the members of its group and their descendants together. One look at
 * the processes of the machine serves all groups, and no group costs nothing. Linux only: it reads `/proc`, and elsewhere watches nothing.
 */
export class GroupMemory {
  readonly #watched = new Map<number, Watched>()
  #foreign = new Set<number>()
  #turns = 0
  #timer: NodeJS.Timeout | undefined

  /** Calls `onExceeded` once. @returns what ends the watch: call it when the leader is gone */
  watch(leader: number, watched: Watched): () => void {
    this.#watched.set(leader, watched)
    this.#foreign.clear()
    this.#timer ??= setInterval(() => this.#measure(), intervalMs)
    return () => {
      this.#watched.delete(leader)
      if (this.#watched.size > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #measure(): void {
    try {
      this.#turns = (this.#turns + 1) % foreignForTurns
      if (this.#turns === 0) this.#foreign.clear()
      const entries = readProcesses(this.#foreign)
      const ours = new Set<number>()
      for (const [leader, watched] of [...this.#watched]) {
        const members = membersOf(leader, entries)
        for (const pid of members) ours.add(pid)
        const total = [...members].reduce((sum, pid) => sum + residentKb(pid), 0)
        if (total <= watched.limitMb * 1024) continue
        this.#watched.delete(leader)
        watched.onExceeded()
      }
      for (const { pid } of entries) if (!ours.has(pid)) this.#foreign.add(pid)
    } catch (error) {
      // No file descriptor is left to look by: the next turn tries again.
      if (!isExhausted(error)) throw error
    }
  }
}

/** 0 for a process that has ended. */
function residentKb(pid: number): number {
  try {
    const [, kb = '0'] = /^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
    return Number(kb)
  } catch (error) {
    if (isExhausted(error)) throw error
    return 0
  }
}
