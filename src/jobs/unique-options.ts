/** At most one job of a key is accepted. The key is a text of 1 to 256 characters; undefined: this job has none. */
export interface UniqueOptions<Input> {
  key(input: Input): string | undefined
  /** Until when a job holds its key. Default `ended`. Excludes `forMs`. */
  until?: 'started' | 'ended'
  /** For how long it holds its key, also after its end. */
  forMs?: number
  /** `existing` (default): the client gets the job that holds the key; `reject`: a 409; `replace`: that job is canceled, and this one takes its place. */
  onConflict?: 'existing' | 'reject' | 'replace'
}

/** A job starts when none of its key was submitted for `quietMs`, with the newest input. */
export interface DebounceOptions<Input> {
  key(input: Input): string | undefined
  quietMs: number
  /** The job starts at the latest so long after the first submission. Default: ten times `quietMs`. */
  maxMs?: number
}

/** The longest unique key, in characters. */
export const maxKeyLength = 256
/** The longest time for which a job holds a key. */
export const maxHoldMs = 365 * 86_400_000
/** The longest `quietMs`. */
export const maxQuietMs = 86_400_000

/** `maxMs` where there is none. */
export const maxMsOf = ({ quietMs, maxMs = 10 * quietMs }: { quietMs: number; maxMs?: number | undefined }) => maxMs
