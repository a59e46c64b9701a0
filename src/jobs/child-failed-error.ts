import type { ChildResult } from './child-job.ts'
import { JobError } from './job-error.ts'

type Failed = Extract<ChildResult, { code: string }>

/** A job that a handler has submitted did not succeed. `code` is the child's. */
export class ChildFailedError extends JobError {
  readonly childId: string
  readonly childType: string
  /** How it ended. */
  readonly state: Failed['status']

  constructor(type: string, { id, status, code, message }: Failed) {
    super(`${type} ${id}: ${message}`, { code })
    this.childId = id
    this.childType = type
    this.state = status
  }
}
