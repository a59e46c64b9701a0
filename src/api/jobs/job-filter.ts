import { fingerprintOf } from '../../queue/model/fingerprint.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { JobFilter } from '../../queue/store/job-index.ts'

/** Whether a job has what a filter asks for: what an index finds may have changed since, and was found by hints. */
export function matchesFilter(job: StoredJob, filter: JobFilter): boolean {
  const { state, type, tag, parent, metadata = [], errorCode, fingerprint } = filter
  if (state !== undefined && job.state !== state) return false
  if (type !== undefined && job.type !== type) return false
  if (parent !== undefined && job.record.parent?.id !== parent) return false
  if (errorCode !== undefined && !(job.done && job.failure?.code === errorCode)) return false
  if (fingerprint !== undefined && !(job.state === 'failed' && hasFingerprint(job, fingerprint))) return false
  if (!metadata.every(([key, value]) => job.record.metadata?.[key] === value)) return false
  return tag === undefined || job.record.tags?.includes(tag) === true
}

function hasFingerprint({ type, failure }: StoredJob, fingerprint: string): boolean {
  return failure !== undefined && fingerprintOf(type, failure) === fingerprint
}
