/** What the job types of a server take and give, by their names. `drover types` writes one, {@link JobsOf} makes one of job files. */
export type JobTypes<Jobs> = { [T in keyof Jobs]: { input: unknown; output: unknown } }

/** The job types of a client that was made without any: every name, with any input. */
export type AnyJobs = Record<string, { input: unknown; output: unknown }>

export type TypeOf<Jobs> = keyof Jobs & string
export type InputOf<Jobs extends JobTypes<Jobs>, T extends TypeOf<Jobs>> = Jobs[T]['input']
export type OutputOf<Jobs extends JobTypes<Jobs>, T extends TypeOf<Jobs>> = Jobs[T]['output']

/** The part of a job file's default export that its types come from. */
interface DefinedJob {
  readonly type: string
  readonly input: { readonly _zod: { readonly input: unknown } }
  readonly output: { readonly _zod: { readonly output: unknown } }
}

/**
 * The job types that job files define:
 *
 *     import type extractLinks from './jobs/extract-links.ts'
 *     const client = createClient<JobsOf<typeof extractLinks | typeof otherJob>>({ url })
 */
export type JobsOf<Defined extends DefinedJob> = {
  [J in Defined as J['type']]: { input: J['input']['_zod']['input']; output: J['output']['_zod']['output'] }
}
