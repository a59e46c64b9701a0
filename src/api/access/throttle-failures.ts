import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'

/** So many failures an address has at once, then one each `refillMs`. */
const burst = 100
const refillMs = 1000
/** The addresses that failed last are kept: about 2 MB, however many try. */
const maxAddresses = 10_000

/**
 * Counts failed authentications by address, an IPv6 address by its /64, which one host has as a whole. A bucket of tokens for each.
 *
 * It never looks at requests with a valid key: clients share the address of their proxy or NAT with others that fail, and a key of
 * 256 random bits cannot be guessed at any speed.
 */
export class FailureThrottle {
  readonly #buckets = new LRUCache<string, { tokens: number; at: number }>({ max: maxAddresses })

  /**
   * Counts a failure from `address` at `now` (ms).
   *
   * @returns 0, or the seconds until the address may fail again
   */
  fail(address: string, now: number): number {
    const network = networkOf(address)
    const last = this.#buckets.get(network) ?? { tokens: burst, at: now }
    const tokens = Math.min(burst, last.tokens + Math.max(0, now - last.at) / refillMs)
    const isThrottled = tokens < 1
    this.#buckets.set(network, { tokens: isThrottled ? tokens : tokens - 1, at: now })
    return isThrottled ? Math.ceil(((1 - tokens) * refillMs) / 1000) : 0
  }
}

/** What one host has of the address space: an IPv4 address, also one that is mapped into IPv6, or an IPv6 /64. */
function networkOf(address: string): string {
  const [plain = ''] = address.split('%')
  if (isIP(plain) === 4) return plain
  // What a proxy passes on need not be an address.
  if (isIP(plain) === 0) return 'unknown'
  const parsed = ipaddr.process(plain)
  return parsed.kind() === 'ipv4' ? parsed.toString() : parsed.toByteArray().slice(0, 8).join('.')
}
