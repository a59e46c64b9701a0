import { createHash } from 'node:crypto'
import { stringify } from 'safe-stable-stringify'
import { type JobRef, parseJobId } from '../model/job-id.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'

const claimKey = loadScript('store/claim-key')
const keepClaim = loadScript('store/keep-claim')
const persistClaim = loadScript('store/persist-claim')
/** For whoever removes a job: gives up its claim, where it is still its. */
export const releaseClaim = loadScript('store/release-claim')

/** A claim whose job was never stored is given up after a day; until then the same request repairs it. */
const unkeptMs = 86_400_000

/** Asking again is needed only when the job is removed in between, which happens to a job once. */
const mostRounds = 3

/** What a claim found: the job is the caller's to store, was another's with the same request, or the key stands for another request. */
export type Claim =
  | { status: 'first'; name: string; digest: string }
  | { status: 'replay'; name: string; digest: string; ref: JobRef }
  | { status: 'conflict' }

/** A claim that is the caller's, or was another's with the same request. */
type KeptClaim = { name: string; digest: string }

/** Idempotency keys: each stands for one request of one tenant, as long as its job lives. */
export class IdempotencyKeys {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /**
   * Claims `key` for a request whose job will be `ref`. When two ask at once, one is first and both get the same id.
   *
   * @param request compared as JSON: the order of its keys does not matter
   * @throws QueueUnavailableError
   */
  async claim(tenant: string, key: string, request: unknown, ref: JobRef): Promise<Claim> {
    const name = this.#keys.claim(digest([tenant, key]))
    const asked = digest(request)
    const reply = await whenAvailable(claimKey(this.#redis, [name], [ref.id, asked, unkeptMs]))
    const [id, claimed] = Array.isArray(reply) ? reply : []
    if (claimed !== asked) return { status: 'conflict' }
    if (id === ref.id) return { status: 'first', name, digest: asked }
    const first = parseJobId(String(id))
    if (!first) throw new Error(`the claim ${name} names no job`)
    return { status: 'replay', name, digest: asked, ref: first }
  }

  /**
   * Keeps a claim for as long as its job, which is stored by now. Gives it up when the job is gone already, or is being removed.
   *
   * @throws QueueUnavailableError
   */
  keep(claim: KeptClaim, ref: JobRef): Promise<void> {
    return this.#keep(claim, ref.id, this.#keys.job(ref))
  }

  /** … as its flow. @throws QueueUnavailableError */
  keepForFlow(claim: KeptClaim, id: string): Promise<void> {
    return this.#keep(claim, id, this.#keys.flow(id))
  }

  async #keep({ name, digest: asked }: KeptClaim, id: string, key: string): Promise<void> {
    for (let round = 0; round < mostRounds; round++) {
      // First the job's word of its claim: whoever begins to remove the job from then on gives up the claim, too.
      const kept = await whenAvailable(keepClaim(this.#redis, [key], [name]))
      if (kept !== 1) return void (await whenAvailable(releaseClaim(this.#redis, [name], [id])))
      if ((await whenAvailable(persistClaim(this.#redis, [name], [id, asked, unkeptMs]))) === 1) return
    }
  }
}

function digest(value: unknown): string {
  return createHash('sha256')
    .update(stringify(value) ?? '')
    .digest('base64url')
}
