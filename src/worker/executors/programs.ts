import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessEntry {
  pid: number
  parent: number
  group: number
  isRunning: boolean
}

/** For how long a process that was found to belong to others is not read again. Far less than it takes until its pid is used again. */
const foreignForMs = 10_000

/**
 * Finds the programs that the code of a process has started: the members of its process group and its descendants. Linux only: it
 * reads `/proc`, and elsewhere finds none. Not found: a program that has left the group and whose parent has ended (a daemon).
 *
 * One instance per process of jobs. Costs 2 ms per 100 processes of the machine, and 0.1 ms when called again soon (measured).
 */
export class Programs {
  readonly #leader: number
  readonly #foreign = new Set<number>()
  #foreignUntil = 0

  /** @param leader the process, which leads its group */
  constructor(leader: number) {
    this.#leader = leader
  }

  /** Their pids, without the leader and without zombies. @throws the error of the system when no file descriptor is left */
  find(): number[] {
    if (performance.now() > this.#foreignUntil) {
      this.#foreign.clear()
      this.#foreignUntil = performance.now() + foreignForMs
    }
    const entries = readProcesses(this.#foreign)
    const own = membersOf(this.#leader, entries)
    for (const { pid } of entries) if (!own.has(pid)) this.#foreign.add(pid)
    return entries
      .filter(({ pid, isRunning }) => isRunning && pid !== this.#leader && own.has(pid))
      .map(({ pid }) => pid)
  }
}

/** The leader of a group, the members of the group, and their descendants. */
export function membersOf(leader: number, entries: readonly ProcessEntry[]): Set<number> {
  const own = new Set([leader])
  for (let before = 0; before < own.size; ) {
    before = own.size
    for (const { pid, parent, group } of entries) if (own.has(parent) || group === leader) own.add(pid)
  }
  return own
}

/**
 * The processes that were started with a variable in their environment (`NAME=value`), also daemons, which have left their group and whose
 * parent has ended. Linux only. Not found: one whose environment was changed on its way, or that runs as another user.
 *
 * @throws the error of the system when no file descriptor is left
 */
export function findMarked(mark: string): number[] {
  return listPids().filter((pid) => pid !== process.pid && environmentOf(pid).includes(mark))
}

/** Ends a process by force, unless it is gone or belongs to another user. */
export function killProgram(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM'))) throw error
  }
}

/** The processes of the machine that this user may see. Linux only: elsewhere none. @throws when no file descriptor is left */
export function readProcesses(without: ReadonlySet<number>): ProcessEntry[] {
  return listPids().flatMap((pid) => (without.has(pid) ? [] : readProcess(pid)))
}

function listPids(): number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

/** Empty of a process that cannot be read. */
function environmentOf(pid: number): string[] {
  return unlessGone(() => readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')) ?? []
}

/** Why a process cannot be read: it has ended meanwhile, or it is another user's and `/proc` hides it (`hidepid`, `ProtectProc`). */
const unreadable = ['ENOENT', 'ESRCH', 'EPERM', 'EACCES']

/** Empty if it has ended meanwhile, or is hidden from this user: then it is not ours. */
function readProcess(pid: number): ProcessEntry[] {
  const stat = unlessGone(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  if (stat === undefined) return []
  // The name of the program, in parentheses, may contain anything.
  const [state = '', parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 3)
  return [{ pid, parent: Number(parent), group: Number(group), isRunning: state !== 'Z' && state !== 'X' }]
}

function unlessGone<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && 'code' in error && unreadable.includes(String(error.code))) return undefined
    throw error
  }
}
