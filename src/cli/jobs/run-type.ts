import type { InputField } from './input-fields.ts'

/** What is known of a job type before the flags of `run` are read. */
export interface RunType {
  fields: readonly InputField[]
  /** The input that its flags gave. */
  input: Record<string, unknown> | undefined
}
