import { Flows } from './flows.ts'
import type { AnyJobs, JobTypes } from './job-types.ts'
import { Jobs } from './jobs.ts'
import { type ClientOptions, type Request, Transport } from './transport.ts'

// `drover/client`: for browsers and Node.js, without dependencies.

export {
  AuthenticationError,
  ConflictError,
  ConnectionError,
  DroverError,
  FlowFailedError,
  InvalidRequestError,
  JobFailedError,
  type Mistake,
  NotFoundError,
  PermissionError,
  ProblemError,
  RateLimitError,
  UnavailableError,
} from './errors.ts'
export type { WatchOptions } from './event-stream.ts'
export { chain, type FlowNode, gather, map } from './flow-nodes.ts'
export type { SubmitFlowOptions } from './flows.ts'
export type { JobsOf } from './job-types.ts'
export type { BatchItem, BatchSubmission, SubmitOptions } from './jobs.ts'
export type { Ref } from './references.ts'
export type {
  FailedMember,
  FinishedJob,
  Flow,
  FlowEvent,
  FlowMember,
  FlowOptions,
  FlowTree,
  Job,
  JobError,
  JobEvent,
  JobOptions,
  LogLine,
  Progress,
  State,
} from './resources.ts'
export type { CallOptions, ClientOptions } from './transport.ts'

/** A client of one server. `Types` has its job types: from `drover types`, or of job files by `JobsOf`. */
export interface Client<Types extends JobTypes<Types> = AnyJobs> {
  readonly jobs: Jobs<Types>
  readonly flows: Flows<Types>
  /**
   * Calls another operation of the API, with the errors of this client. GET is repeated as every read; others are sent once unless
   * `isRepeatable` says that twice is as good as once.
   *
   * @returns the JSON of the answer; undefined where it has none
   */
  request(method: string, path: string, request?: Request): Promise<unknown>
}

/**
 * Makes a client, which keeps nothing open.
 *
 *     const client = createClient<Jobs>({ url: 'https://jobs.example.com', key })
 *     const { pages } = await client.jobs.run('extract-links', { urls })
 *
 * @throws TypeError for an address or a key that cannot be used
 */
export function createClient<Types extends JobTypes<Types> = AnyJobs>(options: ClientOptions = {}): Client<Types> {
  const transport = new Transport(options)
  return {
    jobs: new Jobs(transport),
    flows: new Flows(transport),
    request: (method, path, request) => transport.call(method, path, request),
  }
}
