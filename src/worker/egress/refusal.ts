import { PermanentError } from '../../jobs/job-error.ts'

/** The URL of a request. @throws PermanentError for one that is malformed, not http(s), or carries credentials */
export function parseTarget(url: string | URL): URL {
  const target = URL.parse(String(url))
  if (!target) throw refuse('the URL cannot be read')
  if (target.protocol !== 'http:' && target.protocol !== 'https:')
    throw refuse(`${target.protocol} is not http: or https:`)
  if (target.username !== '' || target.password !== '') throw refuse(`the URL of ${target.host} carries credentials`)
  return target
}

export function refuseAddress(hostname: string): PermanentError {
  return refuse(`${hostname} is not on a public address, and no range in EGRESS_ALLOW_CIDRS covers it`)
}

function refuse(why: string): PermanentError {
  return new PermanentError(`request refused: ${why}`, { code: 'egress_refused' })
}

/** `fetch` wraps an error of the connector, once or more. */
export function findRefusal(error: unknown): PermanentError | undefined {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof PermanentError) return inner
  }
  return undefined
}
