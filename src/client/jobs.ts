import { JobFailedError } from './errors.ts'
import { followEvents, type WatchOptions } from './event-stream.ts'
import type { InputOf, JobTypes, OutputOf, TypeOf } from './job-types.ts'
import type { FinishedJob, Job, JobEvent, JobOptions } from './resources.ts'
import { type CallOptions, newKey, type Transport } from './transport.ts'
import { waitUntilDone } from './wait.ts'

export interface SubmitOptions extends JobOptions, CallOptions {
  /** Under one key a job is stored once, however often it is submitted. Default: a new key for each call. */
  idempotencyKey?: string
}

/** A submission of a batch. */
export type BatchSubmission<Jobs extends JobTypes<Jobs>> = {
  [T in TypeOf<Jobs>]: JobOptions & { type: T; input: InputOf<Jobs, T> }
}[TypeOf<Jobs>]

/** What became of a submission of a batch: the job, or the problem document of its refusal. */
export type BatchItem =
  | { status: 200 | 202; job: Pick<Job, 'id' | 'state' | 'links'>; problem?: undefined }
  | {
      status: number
      job?: undefined
      problem: { code: string; detail: string; errors?: { pointer: string; detail: string }[] }
    }

const pathOf = (job: string | { id: string }): string =>
  `/v1/jobs/${encodeURIComponent(typeof job === 'string' ? job : job.id)}`

/** The jobs of a server. */
export class Jobs<Types extends JobTypes<Types>> {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /**
   * Runs a job to its end. A lost answer, or a server that restarts meanwhile, never runs it twice. Aborting the signal ends the waiting
   * alone: the job goes on, and `cancel` stops it.
   *
   * @returns its output
   * @throws JobFailedError unless it succeeds, ProblemError, ConnectionError, the reason of the signal
   */
  async run<T extends TypeOf<Types>>(
    type: T,
    input: InputOf<Types, T>,
    options: SubmitOptions = {},
  ): Promise<OutputOf<Types, T>> {
    const job = await this.wait<T, OutputOf<Types, T>>(await this.#submit(type, input, options, true), options)
    if (job.state !== 'succeeded') throw new JobFailedError(job)
    return job.output
  }

  /** Stores a job, once however often the request is repeated. @throws ProblemError, ConnectionError, the reason of the signal */
  submit<T extends TypeOf<Types>>(
    type: T,
    input: InputOf<Types, T>,
    options: SubmitOptions = {},
  ): Promise<Job<T, OutputOf<Types, T>>> {
    return this.#submit(type, input, options, false)
  }

  /** Stores up to 10,000 jobs, or where there is no room for all of them none. @returns what became of each, in their order */
  async batch(
    jobs: readonly BatchSubmission<Types>[],
    { idempotencyKey = newKey(), ...options }: CallOptions & { idempotencyKey?: string } = {},
  ): Promise<BatchItem[]> {
    const headers = { 'idempotency-key': idempotencyKey }
    const answer = await this.#transport.call('POST', '/v1/jobs/batch', {
      ...options,
      headers,
      body: { jobs },
      isRepeatable: true,
    })
    return (answer as { items: BatchItem[] }).items
  }

  /** Reads a job as it is. */
  async get<J extends Job = Job>(job: string | J, options: CallOptions = {}): Promise<J> {
    return (await this.#transport.call('GET', pathOf(job), options)) as J
  }

  /** Waits for the end of a job, however long it takes. @returns the finished job, whatever its state, with its whole output */
  async wait<T = string, Output = unknown>(
    job: string | Job<T, Output>,
    { signal }: CallOptions = {},
  ): Promise<FinishedJob<T, Output>> {
    const known = typeof job === 'string' ? undefined : job
    const done = await waitUntilDone(this.#transport, pathOf(job), known, { signal })
    return this.#complete(done, { signal })
  }

  /** Cancels a job. One that runs is stopped: `wait` says when. @throws ConflictError where it is done, and not canceled */
  async cancel<J extends Job = Job>(job: string | J, options: CallOptions = {}): Promise<J> {
    return (await this.#transport.call('POST', `${pathOf(job)}/cancel`, { ...options, isRepeatable: true })) as J
  }

  /**
   * Sends a signal to a job, which `job.waitForSignal` returns in its handler. The first of a name counts, so it may be repeated.
   *
   * @param payload any JSON of at most 64 KB
   * @returns the job as it is then
   * @throws ConflictError where the job is done
   */
  async signal<J extends Job = Job>(
    job: string | J,
    name: string,
    payload: unknown = null,
    options: CallOptions = {},
  ): Promise<J> {
    const path = `${pathOf(job)}/signals/${encodeURIComponent(name)}`
    return (await this.#transport.call('POST', path, { ...options, body: payload, isRepeatable: true })) as J
  }

  /**
   * Follows a job to its end, over connections that break and servers that restart: no event is missed and none comes twice.
   *
   * @throws ProblemError, ConnectionError, the reason of the signal
   */
  async *watch<T = string, Output = unknown>(
    job: string | Job<T, Output>,
    options: WatchOptions = {},
  ): AsyncGenerator<JobEvent<T, Output>, void, undefined> {
    for await (const event of followEvents(this.#transport, `${pathOf(job)}/events`, options)) {
      if (event.event === 'done') event.data = await this.#complete(event.data as Job<T, Output>, options)
      yield event as JobEvent<T, Output>
    }
  }

  async #submit<T extends TypeOf<Types>>(
    type: T,
    input: InputOf<Types, T>,
    { idempotencyKey = newKey(), signal, ...options }: SubmitOptions,
    isWait: boolean,
  ): Promise<Job<T, OutputOf<Types, T>>> {
    const answer = await this.#transport.call('POST', '/v1/jobs', {
      body: { ...options, type, input },
      headers: { 'idempotency-key': idempotencyKey },
      isRepeatable: true,
      isWait,
      signal,
    })
    return answer as Job<T, OutputOf<Types, T>>
  }

  /** Reads the output where it is too large to be in its job. */
  async #complete<T, Output>(job: Job<T, Output>, { signal }: CallOptions): Promise<FinishedJob<T, Output>> {
    if (job.state !== 'succeeded' || job.output_bytes === null) return job as FinishedJob<T, Output>
    const output = await this.#transport.call('GET', `${pathOf(job)}/output`, { signal })
    return { ...job, output } as FinishedJob<T, Output>
  }
}
