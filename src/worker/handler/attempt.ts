/** One attempt of one job as plain data, which threads and processes receive. `input` is as the client sent it, not parsed. */
export interface Attempt {
  id: string
  type: string
  input: unknown
  attempt: number
  maxAttempts: number
}
