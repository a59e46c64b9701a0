import { itemsOf, textOf } from '../client/document.ts'
import { openClient } from '../flags.ts'

/** A shell waits for its proposals. */
const withinMs = 1000

/** The job types that begin with `partial`; none where the server does not answer in time. */
export async function proposeTypes(partial: string): Promise<string[]> {
  try {
    const client = await openClient({})
    const page = await client.call('GET', '/v1/job-types', { signal: AbortSignal.timeout(withinMs) })
    return itemsOf(page)
      .map(({ type }) => textOf(type))
      .filter((type) => type.startsWith(partial))
  } catch {
    return []
  }
}
