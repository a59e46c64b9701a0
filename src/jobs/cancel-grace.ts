import type { Registry } from './registry.ts'

/** For a job whose type this process does not know. */
const defaultGraceMs = 2000

/** How long the handler of a canceled job of a type may take to stop by itself. */
export function cancelGraceMs(registry: Registry, type: string): number {
  return registry.get(type)?.job.cancelGraceMs ?? defaultGraceMs
}
