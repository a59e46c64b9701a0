import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import drover from './drover/peer.ts'
import type { Peer } from './peer.ts'

/** All that ours is compared with over HTTP: each folder here with a `peer.ts`, and why some of them cannot run here. */
export async function findPeers(): Promise<{ found: Peer[]; skipped: string[] }> {
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
