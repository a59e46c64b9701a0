import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RoleProcess } from '../role-process.ts'
import type { Row } from '../row.ts'

/** Linux lets another process change the limit. */
function isMissing(): string | undefined {
  try {
    execFileSync('prlimit', ['--version'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'needs prlimit (util-linux)'
  }
}

function limit({ pid }: RoleProcess, files: number): void {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}:`])
}

function exhausted(role: 'api' | 'worker'): Row {
  return {
    name: `${role}-descriptors`,
    title: `${role === 'api' ? 'An API' : 'One of two workers'} has no file descriptors left for 4 s`,
    isMissing,
    async cause(world) {
      const [victim] = role === 'api' ? world.apis : world.workers
      if (!victim) throw new Error('there is a process')
      await world.fault(async () => {
        limit(victim, readdirSync(`/proc/${victim.pid}/fd`).length - 2)
        await sleep(4000)
        limit(victim, 1024)
      })
    },
  }
}

/** File descriptors used up. */
export const descriptorRows: Row[] = [exhausted('api'), exhausted('worker')]
