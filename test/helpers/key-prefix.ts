import { randomUUID } from 'node:crypto'

/** A unique prefix for all keys of one test: the Redis of a run is shared and never flushed. */
export function keyPrefix(): string {
  return `test-${randomUUID().slice(0, 13)}`
}
