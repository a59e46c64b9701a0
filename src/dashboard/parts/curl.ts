import { get } from '../api.ts'
import type { Job } from '../model.ts'

/** The command that submits a body, without the key. */
export function curlFor(body: unknown): string {
  const quoted = JSON.stringify(body).replaceAll("'", `'\\''`)
  return `curl -s ${location.origin}/v1/jobs -H "authorization: Bearer $DROVER_KEY" -H 'content-type: application/json' -d '${quoted}'`
}

/** The submission of a job like this one. */
export function submissionOf(job: Job): Record<string, unknown> {
  return {
    type: job.type,
    input: job.input,
    ...(job.priority !== 0 && { priority: job.priority }),
    ...(job.timeout_ms !== null && { timeout_ms: job.timeout_ms }),
    ...(job.tags.length > 0 && { tags: job.tags }),
    ...(Object.keys(job.metadata).length > 0 && { metadata: job.metadata }),
  }
}

/** The command that submits a job like this one, with its input whole. @throws ProblemError or AwayError */
export async function curlOf(job: Job): Promise<string> {
  if (job.input_bytes === null) return curlFor(submissionOf(job))
  return curlFor(submissionOf(await get<Job>(`/v1/jobs/${encodeURIComponent(job.id)}?include=input`)))
}

/** What to mind about a submission that has the mask which the API puts in place of a secret. */
export const maskWarning = (text: string): string | undefined =>
  text.includes('"***"') ? 'replace each "***" by its secret' : undefined
