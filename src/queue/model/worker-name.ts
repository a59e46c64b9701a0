import { randomBytes } from 'node:crypto'

/**
 * The name of a worker process, as it is stored with the jobs that it starts: the configured one, else host, process id and a random part.
 * A configured name has no colon.
 */
export function workerNameOf(host: string, pid: number, configured: string | undefined): string {
  return configured ?? `${host}:${pid}:${randomBytes(4).toString('hex')}`
}

/** What tells a worker process from others that have its name, and from those that had it before. */
export function workerIdOf(name: string, configured: string | undefined): string {
  return configured === undefined ? name : `${name}:${randomBytes(4).toString('hex')}`
}

/** What clients see of a stored name. Host and process id are for admins; others see the random part, by which they can tell workers apart. */
export function shownWorkerName(stored: string, isAdmin: boolean): string {
  const cut = stored.lastIndexOf(':')
  if (cut < 0) return stored
  const random = stored.slice(cut + 1)
  // Earlier versions stored host and process id alone.
  const isWhole = stored.indexOf(':') < cut
  if (isAdmin) return isWhole ? stored.slice(0, cut) : stored
  return isWhole ? `worker-${random}` : 'worker'
}
