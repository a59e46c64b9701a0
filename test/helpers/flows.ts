import type { FlowResource, MemberResource } from '../../src/api/flows/flow-resource.ts'
import { type Answer, send, waitHeader } from './client.ts'
import { jsonLines } from './json-lines.ts'

export const job = (type: string, input: unknown, more: object = {}) => ({ type, input, ...more })
export const echo = (input: unknown, more: object = {}) => job('echo', input, more)
export const sleep = (ms: number, more: object = {}) => job('sleep', { duration_ms: ms }, more)
export const fails = () => job('sleep', { duration_ms: 1, fail_at: 0 })

/** Submits a flow; with `waitS` waits for it: see {@link waitHeader}. */
export function submitFlow(
  apiUrl: string,
  flow: unknown,
  options: { waitS?: number; key?: string; query?: string; more?: object } = {},
): Promise<Answer<FlowResource>> {
  const { waitS, key, query = '', more = {} } = options
  const headers: Record<string, string> = {
    ...(waitS !== undefined && { prefer: waitHeader(waitS) }),
    ...(key !== undefined && { 'idempotency-key': key }),
  }
  return send('POST', `${apiUrl}/v1/flows${query}`, { body: { flow, ...more }, headers })
}

export function readFlow(apiUrl: string, id: string, waitS?: number): Promise<Answer<FlowResource>> {
  return send('GET', `${apiUrl}/v1/flows/${id}`, waitS === undefined ? {} : { headers: { prefer: waitHeader(waitS) } })
}

export function steerFlow(
  apiUrl: string,
  id: string,
  verb: 'cancel' | 'retry',
): Promise<Answer<FlowResource & { code?: string }>> {
  return send('POST', `${apiUrl}/v1/flows/${id}/${verb}`)
}

/** All members of a flow, page by page. */
export async function results(apiUrl: string, id: string, limit = 200): Promise<MemberResource[]> {
  const items: MemberResource[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = `limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`
    const { body } = await send<{ items: MemberResource[]; next_cursor: string | null }>(
      'GET',
      `${apiUrl}/v1/flows/${id}/results?${query}`,
    )
    items.push(...body.items)
    cursor = body.next_cursor
  }
  return items
}

/** The result lines of a flow, as its members end. */
export function resultLines(
  apiUrl: string,
  id: string,
  after?: string,
): AsyncGenerator<MemberResource, void, undefined> {
  return jsonLines(`${apiUrl}/v1/flows/${id}/results${after === undefined ? '' : `?after=${after}`}`)
}

/** The ids of the jobs in a tree, in order. */
export function jobIds(tree: unknown): string[] {
  const { id, chain, gather, map } = Object(tree)
  if (typeof id === 'string') return [id]
  return [chain, gather, map].flatMap((children: unknown) => (Array.isArray(children) ? children.flatMap(jobIds) : []))
}
