import { randomFillSync } from 'node:crypto'

const idBytes = 6
const random = Buffer.allocUnsafeSlow(1024 * idBytes)
let used = random.length

/**
 * A new id of eight characters: short, since it is stored with jobs. Random bytes are drawn for many ids at once: a call to the system for
 * each took a tenth of the CPU time of a submission.
 */
export function newRequestId(): string {
  if (used === random.length) {
    randomFillSync(random)
    used = 0
  }
  used += idBytes
  return random.toString('base64url', used - idBytes, used)
}
