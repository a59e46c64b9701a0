/** One attempt of one job as plain data, which threads and processes receive. `input` is as the client sent it, not parsed. */
export interface Attempt {
  id: string
  type: string
  tenant: string
  /** How many jobs or webhooks led to this one: see src/jobs/hops.ts. */
  hops: number
  /** The trace context of what it does: that of its own span, or of the request that submitted it where there are no spans. */
  traceparent?: string | undefined
  /** Its spans are asked for. */
  isTraced?: true | undefined
  input: unknown
  attempt: number
  maxAttempts: number
  /** See JobContext. */
  fence: number
  /** What the last checkpoint has kept, as JSON. */
  restored?: string | undefined
  /** Results of steps by their names, as JSON. */
  steps?: Readonly<Record<string, string>> | undefined
  /** What has come that the job waited for: see Wait. */
  answers?: Readonly<Record<string, string>> | undefined
  /** The time limit of this attempt, and when the deadline of the job is, in epoch ms: for programs. */
  timeoutMs?: number | undefined
  deadlineAt?: number | undefined
}
