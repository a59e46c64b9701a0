import type { ChildProcess } from 'node:child_process'
import { isExhausted } from '../../descriptor-watch.ts'
import type { HostEnd } from './host.ts'
import { findMarked, killProgram, Programs } from './programs.ts'

/** How long to wait for the last output of a process that ended: stderr tells heap exhaustion from other aborts. */
const lastOutputMs = 250

/** A program that has left the group is found only while its parent lives, else see {@link killMarked}. */
export function killWithPrograms(pid: number | undefined): void {
  if (pid === undefined) return
  let programs: number[] = []
  try {
    programs = findPrograms(pid)
  } finally {
    killGroup(pid)
  }
  for (const program of programs) killProgram(program)
}

/** Kills what was started with a variable in its environment: what has left the group, whatever its parent is. See {@link findMarked}. */
export function killMarked(mark: string): void {
  // One that is found may just have started another.
  for (let look = 0; look < 3; look++) {
    const programs = unlessExhausted(() => findMarked(mark))
    if (programs.length === 0) return
    for (const program of programs) killProgram(program)
  }
}

const findPrograms = (pid: number): number[] => unlessExhausted(() => new Programs(pid).find())

/** None where no file descriptor is left to read them by: the kill of the group must not fail by that. */
function unlessExhausted(find: () => number[]): number[] {
  try {
    return find()
  } catch (error) {
    if (isExhausted(error)) return []
    throw error
  }
}

/** No effect if no process of the group is left. */
function killGroup(pid: number | undefined): void {
  if (pid !== undefined) killProgram(-pid)
}

/** Resolves when a process that leads its group is gone, with the rest of its group and its last output. */
export function whenGone(child: ChildProcess): Promise<HostEnd> {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ kind: 'error', message: `failed to start a process: ${error.message}` })
    })
    child.on('exit', (code, signal) => {
      // Also ends programs that the job's code started and left running, which would keep the pipes open.
      killGroup(child.pid)
      const end: HostEnd = signal === null ? { kind: 'exit', code: code ?? 0 } : { kind: 'signal', signal }
      const timer = setTimeout(resolve, lastOutputMs, end)
      child.on('close', () => {
        clearTimeout(timer)
        resolve(end)
      })
    })
  })
}
