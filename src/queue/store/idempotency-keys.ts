import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { type JobRef, parseJobId } from '../model/job-id.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { loadScript } from '../redis/load-script.ts'
import { canonicalJson } from './canonical-json.ts'

const claimKey = loadScript('store/claim-key')
const keepClaim = loadScript('store/keep-claim')
const markStored = loadScript('store/mark-stored')
const shareClaim = loadScript('store/share-claim')
const persistClaim = loadScript('store/persist-claim')
/** Gives up the claim of a job that is removed, unless it belongs to another job by now. */
export const releaseClaim = loadScript('store/release-claim')

const maxCharactersAtOnce = 65_536
/** Lets the claim of an evicted job or flow live on until the epoch ms that it promised: requests with the key learn that, and run nothing. */
export const expireClaim = loadScript('store/expire-claim')

/** A claim whose job was never stored expires after a day; until then the same request stores the job. */
const unkeptMs = 86_400_000

/** A second attempt is needed only when the job is removed in between, which happens once. */
const maxTries = 3

/** `first`: the caller has to store the job. `replay`: the same request was made before, with the job `ref`. `evicted`: likewise, and it ended and was evicted. `conflict`: the key was used with another request. */
export type Claim =
  | { status: 'first'; name: string; digest: string }
  | { status: 'replay'; name: string; digest: string; ref: JobRef }
  | { status: 'evicted'; name: string; digest: string; ref: JobRef }
  | { status: 'conflict' }

/** A claim that is `first` or `replay`. */
type KeptClaim = { name: string; digest: string }

/** Idempotency keys: each identifies one request of one tenant, for as long as its job is kept. */
export class IdempotencyKeys {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /**
   * Claims `key` for a request whose job will be `ref`. Of concurrent claims one is `first`, and all get the same id.
   *
   * @param request compared as JSON, in any order of its keys
   * @throws QueueUnavailableError
   */
  async claim(tenant: string, key: string, request: unknown, ref: JobRef): Promise<Claim> {
    const name = this.#nameOf(tenant, key)
    const requested = await digestOf(request)
    const reply = await whenAvailable(claimKey(this.#redis, [name], [ref.id, requested, unkeptMs]))
    const [id, claimed, evicted] = Array.isArray(reply) ? reply.map((value) => String(value ?? '')) : []
    if (id === ref.id && claimed === requested) return { status: 'first', name, digest: requested }
    return compare({ name, id, claimed, isEvicted: evicted === '1' }, requested)
  }

  /** What an earlier request has claimed `key` for; undefined when none has. Claims nothing. @throws QueueUnavailableError */
  async find(tenant: string, key: string, request: unknown): Promise<Claim | undefined> {
    const name = this.#nameOf(tenant, key)
    const [id, claimed, evicted] = await whenAvailable(this.#redis.hmget(name, 'id', 'digest', 'evicted'))
    if (id == null || claimed == null) return undefined
    return compare({ name, id, claimed, isEvicted: evicted === '1' }, await digestOf(request))
  }

  /**
   * Notes that all jobs of a request are stored: one that repeats it reads them. `id`: what was claimed. `note`: what else it needs to know.
   *
   * @throws QueueUnavailableError
   */
  async markStored({ name, id }: { name: string; id: string }, note: string): Promise<void> {
    await whenAvailable(markStored(this.#redis, [name], [id, note]))
  }

  /** The first note of {@link markStored}; undefined where it was not called. @throws QueueUnavailableError */
  async storedNote({ name }: { name: string }): Promise<string | undefined> {
    return (await whenAvailable(this.#redis.hget(name, 'stored'))) ?? undefined
  }

  #nameOf(tenant: string, key: string): string {
    return this.#keys.claim(digest(canonicalJson([tenant, key])))
  }

  /**
   * Keeps a claim for as long as its job, which is stored. Gives the claim up when the job was removed, or is being removed.
   *
   * @throws QueueUnavailableError
   */
  keep(claim: KeptClaim, ref: JobRef): Promise<void> {
    return this.#keep(claim, ref.id, this.#keys.job(ref))
  }

  /** Keeps a claim for as long as its flow. @throws QueueUnavailableError */
  keepForFlow(claim: KeptClaim, id: string): Promise<void> {
    return this.#keep(claim, id, this.#keys.flow(id))
  }

  /**
   * The request of a claim for `from` was answered with another job: from now on it stands for that one, for a day.
   *
   * @throws QueueUnavailableError
   */
  async share({ name }: Pick<KeptClaim, 'name'>, from: JobRef, to: JobRef): Promise<void> {
    await whenAvailable(shareClaim(this.#redis, [name], [from.id, to.id]))
  }

  async #keep({ name, digest: requested }: KeptClaim, id: string, key: string): Promise<void> {
    for (let tries = 0; tries < maxTries; tries++) {
      // First the field of the job: a removal that begins from then on gives up the claim, too.
      const kept = await whenAvailable(keepClaim(this.#redis, [key], [name]))
      // The process that evicts the job lets the claim expire. A claim that is shared has an expiry.
      if (kept === 2 || kept === 3) return
      if (kept !== 1) return void (await whenAvailable(releaseClaim(this.#redis, [name], [id])))
      if ((await whenAvailable(persistClaim(this.#redis, [name], [id, requested, unkeptMs]))) === 1) return
    }
  }
}

/** What an earlier claim means for a request with this digest. */
function compare(
  claim: { name: string; id: string | undefined; claimed: string | undefined; isEvicted: boolean },
  requested: string,
): Claim {
  const { name, id, claimed, isEvicted } = claim
  if (claimed !== requested) return { status: 'conflict' }
  const ref = parseJobId(id ?? '')
  if (!ref) throw new Error(`the claim ${name} has no valid job id`)
  return { status: isEvicted ? 'evicted' : 'replay', name, digest: requested, ref }
}

/** A text of megabytes is hashed in a turn of the event loop of its own. */
async function digestOf(request: unknown): Promise<string> {
  const text = canonicalJson(request)
  if (text.length > maxCharactersAtOnce) await setImmediate()
  return digest(text)
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
