import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const lookEveryMs = 1000
/** A process that used less than this share of one core since the last look is idle. */
const idleShare = 0.02
const looksUntilIdle = 2
/** Collecting pays from this much more heap than behind the last time, in bytes. */
const worthBytes = 12 * 1024 * 1024
/** A collection takes some 2 ms for each megabyte that is in use. With more the pause would be felt. */
const usedLimitBytes = 96 * 1024 * 1024
/** A process that is busy now and then is not to pause each time. */
const collectEveryMs = 60_000

type Collect = (options: { type: 'major'; flavor: 'last-resort' }) => void

/**
 * Gives memory back to the system when this process has become idle. V8 collects while it allocates, so a process keeps what its boot or
 * its busiest minute left for as long as it does nothing. Looks each second, for as long as the process lives; does not keep it alive.
 */
export function freeMemoryWhenIdle(): void {
  // V8 has no other call that shrinks the heap.
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as Collect
  // Else threads have `gc` as a global, and take no code from the compile cache, which belongs to a set of flags.
  setFlagsFromString('--no-expose-gc')
  let heapBytes = 0
  let collectedAt = -Infinity
  let idleLooks = 0
  let [cpu, looked] = [process.cpuUsage(), performance.now()]
  const look = () => {
    const [used, now] = [process.cpuUsage(cpu), performance.now()]
    const share = (used.user + used.system) / 1000 / (now - looked)
    idleLooks = share < idleShare ? idleLooks + 1 : 0
    if (idleLooks >= looksUntilIdle && now - collectedAt > collectEveryMs) {
      // Not process.memoryUsage(), which opens a file, and throws when no descriptor is left.
      const { total_heap_size: total, used_heap_size: used } = getHeapStatistics()
      if (total - heapBytes > worthBytes && used < usedLimitBytes) {
        collect({ type: 'major', flavor: 'last-resort' })
        heapBytes = getHeapStatistics().total_heap_size
        collectedAt = performance.now()
      }
    }
    ;[cpu, looked] = [process.cpuUsage(), performance.now()]
  }
  setInterval(look, lookEveryMs).unref()
}
