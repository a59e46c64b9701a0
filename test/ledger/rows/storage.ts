import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, truncateSync, writeSync } from 'node:fs'
import { readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Row } from '../row.ts'
import type { World } from '../world.ts'

/** A small file system in memory, mounted once per run of the row. */
let disk = ''

function mountDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux, to mount a small disk'
  disk = mkdtempSync(join(tmpdir(), 'drover-full-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk], { stdio: 'pipe' })
    return undefined
  } catch {
    return 'the system refuses to mount a small disk'
  }
}

/** Writes until the disk is full. */
function fill(file: string): void {
  const fd = openSync(file, 'w')
  try {
    for (const block = Buffer.alloc(65_536); ; ) writeSync(fd, block)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  } finally {
    closeSync(fd)
  }
}

async function appendOnlyFile({ admin }: World): Promise<string> {
  const dir = String((await admin.config('GET', 'dir'))[1])
  const names = await readdir(join(dir, 'appendonlydir'))
  const name = names
    .filter((one) => one.endsWith('.incr.aof'))
    .toSorted()
    .at(-1)
  return join(dir, 'appendonlydir', name ?? '')
}

/** Faults of memory and disk, and losses of data. */
export const storageRows: Row[] = [
  {
    name: 'redis-out-of-memory',
    title: 'maxmemory reached: Redis refuses writes for 4 s (OOM)',
    async cause(world) {
      await world.fault(async () => {
        await world.admin.config('SET', 'maxmemory', '1mb')
        await sleep(4000)
        await world.admin.config('SET', 'maxmemory', '0')
      })
    },
  },
  {
    name: 'redis-disk-full',
    title: 'The disk of the append-only file is full for 4 s (MISCONF)',
    isMissing: mountDisk,
    setup: {
      get redis() {
        return ['--dir', disk, '--aof-load-truncated', 'yes']
      },
    },
    async cause(world) {
      world.onClose(async () => {
        execFileSync('umount', ['-l', disk])
        await rm(disk, { recursive: true, force: true })
      })
      const filler = join(disk, 'filler')
      await world.fault(async () => {
        fill(filler)
        await sleep(4000)
        truncateSync(filler, 0)
      })
    },
  },
  {
    name: 'redis-flushall',
    title: 'FLUSHALL: everything is gone',
    isLossy: true,
    async cause(world) {
      await world.fault(() => world.admin.flushall())
    },
  },
  {
    name: 'redis-last-second-lost',
    title: 'SIGKILL of Redis, and the last 600 ms of its append-only file are cut off, as by a loss of power',
    isLossy: true,
    async cause(world) {
      const file = await appendOnlyFile(world)
      const { size } = await stat(file)
      await sleep(600)
      await world.fault(async () => {
        await world.redis.kill()
        await truncate(file, size)
        await world.redis.start()
      })
    },
  },
]
