import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { JobRef } from '../model/job-id.ts'
import type { StoredOutput } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const storePiece = loadScript('store/store-output')
const discard = loadScript('store/discard-output')

/** Written and read in pieces of this size, so that neither side holds more of a stored output than it is told to. */
const pieceBytes = 262_144

/** In bytes of JSON: outputs up to `inline` lie in the job itself, larger ones beside it, and none is larger than `most`. */
export interface OutputLimits {
  inline: number
  most: number
}

/** What became of an output. `json` stands in the job: the output, or the name of one that is stored beside it. */
export type KeptOutput =
  | { status: 'kept'; json: string }
  | { status: 'too_large'; most: number }
  /** The job is no longer this worker's. */
  | { status: 'lost' }
  /** Redis did not take it. */
  | { status: 'refused' }

/** A worker's side: outputs of the jobs that it holds. Nothing is stored of a job whose lock is another's. */
export class OutputWriter {
  readonly #deps: { redis: Redis; keys: Keys; limits: OutputLimits; log: Logger }

  constructor(deps: { redis: Redis; keys: Keys; limits: OutputLimits; log: Logger }) {
    this.#deps = deps
  }

  /** Stores an output that is too large for its job; most are not, and nobody waits for them. To be called before the job ends. Neither throws nor rejects. */
  keep(ref: JobRef, token: string, output: unknown): KeptOutput | Promise<KeptOutput> {
    const { limits } = this.#deps
    const json = stringify(output)
    if (json === undefined || json.length > limits.most) return { status: 'too_large', most: limits.most }
    const bytes = Buffer.byteLength(json)
    if (bytes <= limits.inline) return { status: 'kept', json }
    if (bytes > limits.most) return { status: 'too_large', most: limits.most }
    return this.#keepBeside(ref, token, Buffer.from(json))
  }

  async #keepBeside(ref: JobRef, token: string, json: Buffer): Promise<KeptOutput> {
    try {
      return await this.#store(ref, token, json)
    } catch (error) {
      this.#deps.log.error({ job: ref.id, bytes: json.length, err: error }, 'an output could not be stored')
      await this.discard(ref, token)
      return { status: 'refused' }
    }
  }

  /** Gives up what an attempt has stored that did not end with it. Never rejects. */
  async discard(ref: JobRef, token: string): Promise<void> {
    const { redis, keys, log } = this.#deps
    try {
      await discard(redis, [keys.lock(ref), keys.output(ref), keys.job(ref)], [token])
    } catch (error) {
      log.warn({ job: ref.id, err: error }, 'an output is left over: it goes with its job')
    }
  }

  async #store(ref: JobRef, token: string, json: Buffer): Promise<KeptOutput> {
    const { redis, keys } = this.#deps
    const names = [keys.lock(ref), keys.output(ref), keys.job(ref)]
    const name = randomUUID()
    for (let from = 0; from < json.length; from += pieceBytes) {
      const piece = json.subarray(from, from + pieceBytes)
      const stored = await storePiece(redis, names, [token, name, from / pieceBytes, piece, json.length])
      if (stored !== 1) return { status: 'lost' }
    }
    return { status: 'kept', json: JSON.stringify(name) }
  }
}

/** Undefined: longer than a string can be. */
function stringify(output: unknown): string | undefined {
  try {
    return JSON.stringify(output ?? null)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** The job, and its output with it, was removed while it was read. */
export class OutputGoneError extends Error {
  constructor({ id }: JobRef) {
    super(`the output of job ${id} is gone`)
    this.name = 'OutputGoneError'
  }
}

/**
 * Reads a stored output from byte `from` to byte `to`, the latter not included, one piece at a time.
 *
 * @throws OutputGoneError, QueueUnavailableError
 */
export async function* readStoredOutput(
  { redis, keys }: { redis: Redis; keys: Keys },
  ref: JobRef,
  { name }: StoredOutput,
  from: number,
  to: number,
): AsyncGenerator<Buffer, void, undefined> {
  for (let at = from; at < to; ) {
    const start = Math.floor(at / pieceBytes) * pieceBytes
    const field = String(start / pieceBytes)
    const [stored, piece] = await whenAvailable(redis.hmgetBuffer(keys.output(ref), 'name', field))
    if (stored?.toString() !== name || !piece) throw new OutputGoneError(ref)
    yield piece.subarray(at - start, to - start)
    at = start + pieceBytes
  }
}

/** A stored output as JSON, in memory as a whole; undefined when its job was removed. @throws QueueUnavailableError */
export async function readWholeOutput(
  deps: { redis: Redis; keys: Keys },
  ref: JobRef,
  output: StoredOutput,
): Promise<string | undefined> {
  try {
    return Buffer.concat(await Array.fromAsync(readStoredOutput(deps, ref, output, 0, output.bytes))).toString()
  } catch (error) {
    if (error instanceof OutputGoneError) return undefined
    throw error
  }
}
