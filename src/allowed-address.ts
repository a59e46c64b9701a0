import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** Address ranges that may be called although they are not public. Made by {@link parseAllowList}. */
export type AllowList = readonly (readonly [Address, number])[]

/**
 * Parses CIDR blocks such as `10.0.0.0/8` and `fd00::/8`. A block of IPv4-mapped addresses is treated as the IPv4 block.
 *
 * @throws TypeError that quotes the first invalid entry.
 */
export function parseAllowList(cidrs: readonly string[]): AllowList {
  return cidrs.map((cidr) => {
    const [address = '', bits = '', ...rest] = cidr.trim().split('/')
    const parsed = address.includes('%') ? undefined : parseAddress(address)
    const written = isIP(address) === 4 ? 32 : 128
    // ipaddr.js would read `10/8` as 0.0.0.10/8, so only complete addresses with a plain length are accepted.
    if (!parsed || !/^\d{1,3}$/.test(bits) || Number(bits) > written || rest.length > 0) {
      throw new TypeError(`${JSON.stringify(cidr)} is not a CIDR block such as 10.0.0.0/8 or fd00::/8`)
    }
    const isMapped = parsed.kind() === 'ipv4' && written === 128
    if (isMapped && Number(bits) < 96) {
      throw new TypeError(
        `${JSON.stringify(cidr)} contains more than the IPv4-mapped addresses: write the IPv4 block instead`,
      )
    }
    return [parsed, isMapped ? Number(bits) - 96 : Number(bits)] as const
  })
}

/**
 * True for a public unicast address and for an address in `allow`. Pure.
 *
 * Accepts what a resolver or `URL.hostname` returns, with or without brackets and zone. Any other spelling (`0x7f.1`) is not
 * an address and is refused. An IPv4-mapped IPv6 address is checked as the IPv4 address that the system would call.
 */
export function isAllowedAddress(address: string, allow: AllowList): boolean {
  const parsed = parseAddress(address.replace(/^\[(.*)\]$/, '$1'))
  if (!parsed) return false
  return isPublic(parsed) || allow.some(([base, bits]) => base.kind() === parsed.kind() && parsed.match(base, bits))
}

/** Returns IPv4-mapped addresses as IPv4. */
function parseAddress(text: string): Address | undefined {
  const [address = ''] = text.split('%')
  switch (isIP(address)) {
    case 4:
      return ipaddr.IPv4.parse(address)
    case 6:
      // URL normalizes IPv6 to hexadecimal. ipaddr.js mistakes the dotted `::127.0.0.1` (IPv4-compatible) for
      // `::ffff:127.0.0.1` (IPv4-mapped), which is a different address.
      return ipaddr.process(new URL(`http://[${address}]`).hostname.slice(1, -1))
    default:
      return undefined
  }
}

/** Azure's metadata and wire server: every machine there reaches it, on an address that is formally public. */
const azureHost = ipaddr.IPv4.parse('168.63.129.16')

/** The only part of IPv6 that IANA has assigned as global unicast (RFC 4291, section 2.4). Everything else is refused. */
const globalUnicast = ipaddr.IPv6.parse('2000::')

/** `range()` knows IANA's special-purpose registries (RFC 6890) and returns `unicast` for addresses in none of them. */
function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false
  return address.kind() === 'ipv4' ? !address.match(azureHost, 32) : address.match(globalUnicast, 3)
}
