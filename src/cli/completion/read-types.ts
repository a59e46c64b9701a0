import { segment } from '../client/client.ts'
import { type Doc, docOf, itemsOf, textOf } from '../client/document.ts'
import { CommandFailure } from '../command-failure.ts'
import { openClient } from '../flags.ts'

/** A shell waits for its proposals. */
const withinMs = 1000

/** The job types that begin with `partial`; none where the server does not answer in time. */
export async function proposeTypes(partial: string): Promise<string[]> {
  const page = await read('/v1/job-types')
  return itemsOf(page)
    .map(({ type }) => textOf(type))
    .filter((type) => type.startsWith(partial))
}

/** The JSON Schema of a type's input; empty where the server does not answer in time. */
export async function readInputSchema(type: string): Promise<Doc> {
  const { input } = await read(`/v1/job-types/${segment(type)}`)
  return docOf(input)
}

async function read(path: string): Promise<Doc> {
  const signal = AbortSignal.timeout(withinMs)
  try {
    const client = await openClient({})
    return await client.call('GET', path, { signal })
  } catch (error) {
    // A shell has nothing to show an error with.
    if (error instanceof CommandFailure || signal.aborted) return {}
    throw error
  }
}
