import type dns from 'node:dns'
import type { LookupFunction } from 'node:net'
import { type AllowList, isAllowedAddress } from '../../allowed-address.ts'
import { refuseAddress } from './refusal.ts'

/** `dns.lookup` with the option `all`: every address of a name. */
export type Resolve = (
  hostname: string,
  options: dns.LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: dns.LookupAddress[]) => void,
) => void

/**
 * A lookup that returns only the allowed addresses of a name. The connection uses its result and does not look up again, so DNS
 * rebinding (another answer between check and connect) has no effect. Addresses that are not allowed are left out instead of
 * refusing the name: `localhost` is also ::1 where only 127.0.0.0/8 is allowed.
 */
export function guardLookup(allow: AllowList, resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [])
      const allowed = addresses.filter(({ address }) => isAllowedAddress(address, allow))
      const [first] = allowed
      if (!first) return callback(refuseAddress(hostname), [])
      return options.all === true ? callback(null, allowed) : callback(null, first.address, first.family)
    })
  }
}

/** URL normalizes every IPv4 spelling to four octets and puts IPv6 into brackets, which undici may have removed. */
export function isLiteral(hostname: string): boolean {
  return hostname.includes(':') || /^[\d.]+$/.test(hostname)
}
