import type { JobRef } from '../model/job-id.ts'
import type { JobRecord } from '../model/job-record.ts'

/** A running job whose handler may submit others. */
export interface Parent {
  ref: JobRef
  /** What its lock holds. */
  lockToken: string
  run: number
  attempt: number
  /** How often it was started, this time included. */
  starts: number
  record: JobRecord
  /** The trace context of what its attempt does. */
  traceparent: string | undefined
}

/** The first job above a job and all others, and how many are above it. */
export function rootOf({ ref, record }: Pick<Parent, 'ref' | 'record'>): { id: string; depth: number } {
  const { parent } = record
  return parent ? { id: parent.root, depth: parent.depth } : { id: ref.id, depth: 0 }
}
