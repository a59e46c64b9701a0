import type { Job } from './define-job.ts'
import { termGraceMs } from './program/program.ts'
import type { Registry } from './registry.ts'

/** For a job whose type this process does not know. */
const defaultGraceMs = 2000

/** How long the handler of a canceled job may take to stop by itself, and a program to end after SIGTERM. */
export const cancelGraceOf = ({ cancelGraceMs: graceMs, program }: Job): number => graceMs + (program ? termGraceMs : 0)

/** {@link cancelGraceOf} of a type. */
export function cancelGraceMs(registry: Registry, type: string): number {
  const job = registry.get(type)?.job
  return job ? cancelGraceOf(job) : defaultGraceMs
}
