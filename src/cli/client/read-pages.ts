import type { Client } from './client.ts'
import { listOf, textOf } from './document.ts'

const limit = '200'

/** The items of a list, page by page. `cursorName` is the parameter that takes `next_cursor`. */
export async function* readItems(
  client: Client,
  path: string,
  signal?: AbortSignal,
  cursorName = 'cursor',
): AsyncGenerator<unknown, void, undefined> {
  const parameters = new URLSearchParams({ limit })
  for (;;) {
    const page = await client.call('GET', `${path}?${parameters.toString()}`, { signal })
    yield* listOf(page['items'])
    const cursor = textOf(page['next_cursor'])
    if (cursor === '') return
    parameters.set(cursorName, cursor)
  }
}
