import { hash as digest, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { WrittenLimits } from '../../queue/admission/tenant-limits.ts'
import { anonymousTenant } from '../../queue/model/job-record.ts'
import { type KeyEntry, KeysFileError, parseKeysFile, type Scope, scopes, type TenantLimits } from './keys-file.ts'
import type { Watch } from './watch.ts'

/** The client of a request. */
export interface Caller {
  tenant: string
  scopes: ReadonlySet<Scope>
  limits: TenantLimits
  /** What it may submit; undefined: every type, to every queue. */
  types?: ReadonlySet<string>
  queues?: ReadonlySet<string>
  /** The key that it sent; undefined where there are none. */
  key?: { id: string; hash: Buffer }
  /** The owner of a watch token: what it may read, and until when (epoch ms). */
  watch?: Watch
  expiresAt?: number
}

/** The client of an API that runs without authentication. */
export const anonymousCaller: Caller = { tenant: anonymousTenant, scopes: new Set(scopes), limits: {} }

interface KnownKey {
  hash: Buffer
  expiresAt: number
  caller: Caller
}

/** What a secret is compared with when its key is unknown, so that the answer takes as long. */
const noHash = Buffer.alloc(32)
const checkEveryMs = 1000

/** The keys of a file, which is reloaded when it changes. */
export class ApiKeys {
  readonly #path: string
  readonly #log: Logger
  #text: string | undefined
  #keys: ReadonlyMap<string, KnownKey> = new Map()
  #isShared = false
  #quotas: WrittenLimits = { jobs: new Map(), bytes: new Map() }
  /** The last valid header of each connection. */
  readonly #verified = new WeakMap<object, { authorization: Buffer; id: string; key: KnownKey }>()
  #timer: NodeJS.Timeout | undefined

  private constructor(path: string, log: Logger) {
    this.#path = path
    this.#log = log
  }

  /** Reads the file, and checks every second whether it has changed until {@link close}. @throws KeysFileError */
  static async open(path: string, log: Logger): Promise<ApiKeys> {
    const keys = new ApiKeys(path, log)
    await keys.#load()
    keys.#timer = setInterval(() => void keys.#reload(), checkEveryMs)
    return keys
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Whether there are keys of more than one tenant. */
  get isShared(): boolean {
    return this.#isShared
  }

  /** The limits of waiting jobs and bytes by tenant: another object after each change of the file. */
  get quotas(): WrittenLimits {
    return this.#quotas
  }

  /**
   * Returns the client that sends `authorization: Bearer <id>.<secret>`, or undefined without a valid key at `now` (epoch ms). Takes
   * the same time whatever is wrong.
   *
   * @param connection of the request: a header that was valid on it before is compared with that one in constant time, not hashed again.
   */
  authenticate(authorization: string | undefined, now: number, connection: object): Caller | undefined {
    const sent = Buffer.from(authorization ?? '')
    const last = this.#verified.get(connection)
    const isKnown =
      last !== undefined &&
      last.key === this.#keys.get(last.id) &&
      sent.length === last.authorization.length &&
      timingSafeEqual(sent, last.authorization)
    const key = isKnown ? last.key : this.#verify(sent, connection)
    return key && now < key.expiresAt ? key.caller : undefined
  }

  /** The scopes that the key of a client has at `now` (epoch ms); undefined where that key is gone, has expired or has become another one. */
  scopesOf({ key, tenant }: Caller, now: number): ReadonlySet<Scope> | undefined {
    if (!key) return undefined
    return this.callerOf({ id: key.id, isSame: (hash) => hash.equals(key.hash) }, tenant, now)?.scopes
  }

  /** The client of a key that it had before; undefined where that key is gone, has expired or has become another one. */
  callerOf(key: { id: string; isSame: (hash: Buffer) => boolean }, tenant: string, now: number): Caller | undefined {
    const known = this.#keys.get(key.id)
    const isValid = known && key.isSame(known.hash) && known.caller.tenant === tenant && now < known.expiresAt
    return isValid ? known.caller : undefined
  }

  #verify(authorization: Buffer, connection: object): KnownKey | undefined {
    const [, id = '', secret = ''] = /^Bearer +([^.\s]+)\.(\S+)$/i.exec(authorization.toString()) ?? []
    const key = this.#keys.get(id)
    const isRight = timingSafeEqual(digest('sha256', secret, 'buffer'), key?.hash ?? noHash)
    if (!key || !isRight) return undefined
    this.#verified.set(connection, { authorization, id, key })
    return key
  }

  /** An unusable file leaves the keys as they are: a deployment halfway must neither lock clients out nor let strangers in. */
  async #reload(): Promise<void> {
    try {
      if (await this.#load()) this.#log.info({ keys: this.#keys.size }, 'reloaded the API keys')
    } catch (error) {
      this.#log.error({ err: error }, 'failed to reload the API keys; the previous keys stay valid')
    }
  }

  /** @returns whether the file had changed */
  async #load(): Promise<boolean> {
    const text = await readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      // Reported once for each change, as for an invalid text.
      if (this.#text === '') return ''
      this.#text = ''
      throw new KeysFileError(`cannot be read (${error.code})`)
    })
    if (text === this.#text) return false
    this.#text = text
    const { keys, tenants } = parseKeysFile(text)
    this.#keys = new Map(keys.map((entry) => [entry.id, knownKey(entry, tenants[entry.tenant] ?? {})]))
    this.#isShared = new Set(keys.map(({ tenant }) => tenant)).size > 1
    const limitsBy = (name: 'max_queued' | 'max_bytes') =>
      new Map(
        Object.entries(tenants).flatMap(([tenant, { [name]: max }]) => (max === undefined ? [] : [[tenant, max]])),
      )
    this.#quotas = { jobs: limitsBy('max_queued'), bytes: limitsBy('max_bytes') }
    return true
  }
}

function knownKey(entry: KeyEntry, limits: TenantLimits): KnownKey {
  const { id, hash: hex, tenant, scopes: named, expires_at, types, queues } = entry
  const hash = Buffer.from(hex, 'hex')
  return {
    hash,
    expiresAt: expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at),
    caller: {
      tenant,
      scopes: new Set(named.includes('admin') ? scopes : named),
      limits,
      key: { id, hash },
      ...(types && { types: new Set(types) }),
      ...(queues && { queues: new Set(queues) }),
    },
  }
}
