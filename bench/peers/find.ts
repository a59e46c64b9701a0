import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Line } from '../report.ts'
import type { World } from '../world.ts'
import byHand from './by-hand/peer.ts'
import drover, { droverBase } from './drover/peer.ts'
import type { Peer } from './peer.ts'

interface Peers {
  found: Peer[]
  /** Peers that cannot run here, each with the reason. */
  skipped: string[]
}

/**
 * What Drover is compared with over HTTP: the other checkout if there is one, else the service by hand, and with `--peers` each folder here
 * with a `peer.ts`.
 */
export async function findPeers({ base, hasPeers }: World): Promise<Peers> {
  if (base !== undefined) return { found: [droverBase(base)], skipped: [] }
  const folders = (await readdir(import.meta.dirname, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  const found: Peer[] = []
  const skipped: string[] = []
  for (const { name } of folders) {
    const files = await readdir(join(import.meta.dirname, name))
    if (!files.includes('peer.ts')) continue
    const { default: peer }: { default: Peer } = await import(`./${name}/peer.ts`)
    if (peer === drover || (peer !== byHand && !hasPeers)) continue
    const why = peer.missing()
    if (why === undefined) found.push(peer)
    else skipped.push(`${peer.name}: ${why}`)
  }
  return { found, skipped }
}

/** A line per peer: the samples of Drover and of the peer. The target is for the service by hand. */
export function peerLines(
  { found, skipped }: Peers,
  line: { name: string; ours: number[]; others: number[][]; bound: { atLeast: number } | { atMost: number } },
): Line[] {
  const { name, ours, others, bound } = line
  return [
    ...found.map((peer, n): Line => {
      const theirs = others[n] ?? []
      if (theirs.every(Number.isNaN)) return { name, skipped: `${peer.name} has no request for it` }
      const target = { of: 'ratio' as const, ...bound }
      return { name, yardstick: peer.name, ours, theirs, ...(peer === byHand && { target }) }
    }),
    ...skipped.map((why) => ({ name, skipped: why })),
  ]
}
