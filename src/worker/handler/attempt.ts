/** One attempt of one job, as plain data: it is sent to threads and processes. `input` is as the client sent it, not yet parsed. */
export interface Attempt {
  id: string
  type: string
  input: unknown
  attempt: number
  maxAttempts: number
}
