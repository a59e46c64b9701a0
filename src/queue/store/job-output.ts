import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { JobRef } from '../model/job-id.ts'
import type { StoredOutput } from '../model/stored-job.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const storePiece = loadScript('store/store-output')
const discard = loadScript('store/discard-output')

/** Outputs are written and read in pieces of this size, which bounds the memory of both sides. */
const pieceBytes = 262_144

/** In bytes of JSON: outputs up to `inline` are stored in the job itself, larger ones beside it; none may be larger than `max`. */
export interface OutputLimits {
  inline: number
  max: number
}

/** `json` is to be stored in the job: the output, or with `isBeside` the name of one that is stored beside it. */
export type KeptOutput =
  | { status: 'kept'; json: string; isBeside?: true }
  | { status: 'too_large'; max: number }
  /** This worker does not hold the job any more. */
  | { status: 'lost' }
  /** Redis refused it. */
  | { status: 'refused' }

/** The worker's side: stores outputs of the jobs that this worker holds, and of no others. */
export class OutputWriter {
  readonly #deps: { redis: Redis; keys: Keys; limits: OutputLimits; log: Logger }

  constructor(deps: { redis: Redis; keys: Keys; limits: OutputLimits; log: Logger }) {
    this.#deps = deps
  }

  /** Stores an output that is too large to be stored in its job. Call it before the job ends. Small outputs need no promise. Neither throws nor rejects. */
  keep(ref: JobRef, token: string, output: unknown): KeptOutput | Promise<KeptOutput> {
    const { limits } = this.#deps
    const json = stringify(output)
    if (json === undefined || json.length > limits.max) return { status: 'too_large', max: limits.max }
    const bytes = Buffer.byteLength(json)
    if (bytes <= limits.inline) return { status: 'kept', json }
    if (bytes > limits.max) return { status: 'too_large', max: limits.max }
    return this.#keepBeside(ref, token, Buffer.from(json))
  }

  async #keepBeside(ref: JobRef, token: string, json: Buffer): Promise<KeptOutput> {
    try {
      return await this.#store(ref, token, json)
    } catch (error) {
      this.#deps.log.error({ job: ref.id, bytes: json.length, err: error }, 'failed to store an output')
      await this.discard(ref, token)
      return { status: 'refused' }
    }
  }

  /** Discards the output of an attempt that did not succeed. Never rejects. */
  async discard(ref: JobRef, token: string): Promise<void> {
    const { redis, keys, log } = this.#deps
    try {
      await discard(redis, [keys.lock(ref), keys.output(ref), keys.job(ref)], [token])
    } catch (error) {
      log.warn({ job: ref.id, err: error }, 'failed to discard an output; it is removed with its job')
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
    return { status: 'kept', json: JSON.stringify(name), isBeside: true }
  }
}

/** Undefined when the JSON would be longer than a string can be. */
function stringify(output: unknown): string | undefined {
  try {
    return JSON.stringify(output ?? null)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** The job was removed with its output while the output was read. */
export class OutputGoneError extends Error {
  constructor({ id }: JobRef) {
    super(`the output of job ${id} was removed`)
    this.name = 'OutputGoneError'
  }
}

/**
 * Reads the bytes `from` to `to` (exclusive) of a stored output, one piece at a time.
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

/** The whole of a stored output as JSON; undefined when its job was removed. @throws QueueUnavailableError */
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
