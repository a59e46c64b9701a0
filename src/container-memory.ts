import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'

const megabyte = 1024 * 1024

/** The memory limit of the container of this process, in bytes; undefined: it has none of its own. */
export function containerMemory(): number | undefined {
  // libuv reads the cgroups; 0 or all memory of the machine: no limit.
  const bytes = process.constrainedMemory()
  return bytes > 0 && bytes < totalmem() ? bytes : undefined
}

/** What bounds the memory of this process, in MB, for the log: the heap of V8 follows from the container (bin/heap-limit.sh). */
export function memoryLimits(): { heap_limit_mb: number; memory_limit_mb?: number } {
  const memory = containerMemory()
  return {
    heap_limit_mb: Math.round(getHeapStatistics().heap_size_limit / megabyte),
    ...(memory !== undefined && { memory_limit_mb: Math.round(memory / megabyte) }),
  }
}
