import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** Ranges that may be called although they are not public; made by {@link parseAllowList}. */
export type AllowList = readonly (readonly [Address, number])[]

/**
 * Reads CIDR blocks such as `10.0.0.0/8` and `fd00::/8`. A block of IPv4-mapped addresses counts as the IPv4 block within.
 *
 * @throws TypeError that quotes the first entry which is not one.
 */
export function parseAllowList(cidrs: readonly string[]): AllowList {
  return cidrs.map((cidr) => {
    const [address = '', bits = '', ...rest] = cidr.trim().split('/')
    const parsed = address.includes('%') ? undefined : parseAddress(address)
    const written = isIP(address) === 4 ? 32 : 128
    // ipaddr.js would read `10/8` as 0.0.0.10/8: only whole addresses with a plain length are taken.
    if (!parsed || !/^\d{1,3}$/.test(bits) || Number(bits) > written || rest.length > 0) {
      throw new TypeError(`${JSON.stringify(cidr)} is not a CIDR block such as 10.0.0.0/8 or fd00::/8`)
    }
    const isMapped = parsed.kind() === 'ipv4' && written === 128
    if (isMapped && Number(bits) < 96) {
      throw new TypeError(
        `${JSON.stringify(cidr)} is wider than the IPv4-mapped addresses: name the IPv4 block instead`,
      )
    }
    return [parsed, isMapped ? Number(bits) - 96 : Number(bits)] as const
  })
}

/**
 * True for a public unicast address and for one that `allow` contains. Pure.
 *
 * Takes what the resolver or `URL.hostname` gives, brackets and zone removed or not; any other spelling (`0x7f.1`) is not an
 * address and is refused. An IPv4-mapped IPv6 address is judged as the IPv4 address that the system would call.
 */
export function isAllowedAddress(address: string, allow: AllowList): boolean {
  const parsed = parseAddress(address.replace(/^\[(.*)\]$/, '$1'))
  if (!parsed) return false
  return isPublic(parsed) || allow.some(([base, bits]) => base.kind() === parsed.kind() && parsed.match(base, bits))
}

/** An IPv4-mapped address comes out as IPv4. */
function parseAddress(text: string): Address | undefined {
  const [address = ''] = text.split('%')
  switch (isIP(address)) {
    case 4:
      return ipaddr.IPv4.parse(address)
    case 6:
      // URL writes IPv6 in hexadecimal only. ipaddr.js takes the dotted `::127.0.0.1` (IPv4-compatible) for
      // `::ffff:127.0.0.1` (IPv4-mapped), which is another address.
      return ipaddr.process(new URL(`http://[${address}]`).hostname.slice(1, -1))
    default:
      return undefined
  }
}

/** Azure's metadata and wire server: reachable from every machine there, on an address that is formally public. */
const azureHost = ipaddr.IPv4.parse('168.63.129.16')

/** The only part of IPv6 that IANA has given out as global unicast (RFC 4291, section 2.4); the rest has no business here. */
const globalUnicast = ipaddr.IPv6.parse('2000::')

/** `range()` knows IANA's special-purpose registries (RFC 6890) and says `unicast` for what is in none of them. */
function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false
  return address.kind() === 'ipv4' ? !address.match(azureHost, 32) : address.match(globalUnicast, 3)
}
