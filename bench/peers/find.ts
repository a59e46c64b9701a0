import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Line } from '../report.ts'
import type { World } from '../world.ts'
import drover, { droverBase } from './drover/peer.ts'
import type { Peer } from './peer.ts'

interface Peers {
  found: Peer[]
  /** Peers that cannot run here, each with the reason. */
  skipped: string[]
}

/** Everything that Drover is compared with over HTTP: the other checkout if there is one, else each folder here with a `peer.ts`. */
export async function findPeers({ base }: World): Promise<Peers> {
  if (base !== undefined) return { found: [droverBase(base)], skipped: [] }
  const folders = (await readdir(import.meta.dirname, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  const found: Peer[] = []
  const skipped: string[] = []
  for (const { name } of folders) {
    const files = await readdir(join(import.meta.dirname, name))
    if (!files.includes('peer.ts')) continue
    const { default: peer }: { default: Peer } = await import(`./${name}/peer.ts`)
    if (peer === drover) continue
    const why = peer.missing()
    if (why === undefined) found.push(peer)
    else skipped.push(`${peer.name}: ${why}`)
  }
  return { found, skipped }
}

/** A line per peer: the samples of Drover and of the peer. The target does not apply to another checkout of Drover. */
export function peerLines(
  { found, skipped }: Peers,
  line: { name: string; ours: number[]; others: number[][]; atLeast: number },
): Line[] {
  const { name, ours, others, atLeast } = line
  return [
    ...found.map((peer, n) => ({
      name,
      yardstick: peer.name,
      ours,
      theirs: others[n] ?? [],
      ...(peer.name !== 'base' && { target: { of: 'ratio' as const, atLeast } }),
    })),
    ...skipped.map((why) => ({ name, skipped: why })),
  ]
}
