import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Row } from '../row.ts'

const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map(
  (arch) => `/usr/lib/${arch}/faketime/libfaketimeMT.so.1`,
)
const library = libraries.find((file) => existsSync(file))
const isMissing = () => (library === undefined ? 'needs libfaketime (apt install faketime)' : undefined)

/** A wall clock that differs; the monotonic clock is that of the system. */
function clock(file: string): Record<string, string> {
  const settings = { FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' }
  return { LD_PRELOAD: library ?? '', ...settings }
}

function skewed(role: 'api' | 'worker', offset: string, title: string): Row {
  return {
    name: `${role}-clock${offset}`,
    title,
    isMissing,
    setup: { workers: 1 },
    async cause(world, clients) {
      const file = join(dirname(world.ledger), 'clock')
      await writeFile(file, '+0')
      await (role === 'api' ? world.startApi(clock(file)) : world.startWorker(clock(file)))
      await clients.moreAccepted(20)
      await world.fault(async () => {
        await writeFile(file, offset)
        await sleep(4000)
        await writeFile(file, '+0')
      })
    },
  }
}

/** Wall clocks that are wrong and that step. */
export const clockRows: Row[] = [
  skewed('worker', '+600', 'The clock of one of two workers steps 10 min ahead, and back after 4 s'),
  skewed('worker', '-600', 'The clock of one of two workers steps 10 min back, and ahead after 4 s'),
  skewed('api', '+600', 'The clock of one of two APIs steps 10 min ahead, and back after 4 s'),
  skewed('api', '-600', 'The clock of one of two APIs steps 10 min back, and ahead after 4 s'),
]
