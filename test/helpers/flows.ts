import type { FlowResource, MemberResource } from '../../src/api/flows/flow-resource.ts'
import { type Answer, send } from './client.ts'

export const job = (type: string, input: unknown, more: object = {}) => ({ type, input, ...more })
export const echo = (input: unknown, more: object = {}) => job('echo', input, more)
export const sleep = (ms: number, more: object = {}) => job('sleep', { duration_ms: ms }, more)
export const fails = () => job('sleep', { duration_ms: 1, fail_at: 0 })

/** Submits a flow; with `waitS` waits for it. */
export function submitFlow(
  apiUrl: string,
  flow: unknown,
  options: { waitS?: number; key?: string; query?: string; more?: object } = {},
): Promise<Answer<FlowResource>> {
  const { waitS, key, query = '', more = {} } = options
  const headers: Record<string, string> = {
    ...(waitS !== undefined && { prefer: `wait=${waitS}` }),
    ...(key !== undefined && { 'idempotency-key': key }),
  }
  return send('POST', `${apiUrl}/v1/flows${query}`, { body: { flow, ...more }, headers })
}

export function readFlow(apiUrl: string, id: string, waitS?: number): Promise<Answer<FlowResource>> {
  return send('GET', `${apiUrl}/v1/flows/${id}`, waitS === undefined ? {} : { headers: { prefer: `wait=${waitS}` } })
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
export async function* resultLines(
  apiUrl: string,
  id: string,
  after?: string,
): AsyncGenerator<MemberResource, void, undefined> {
  const query = after === undefined ? '' : `?after=${after}`
  const headers = { accept: 'application/x-ndjson' }
  const response = await fetch(`${apiUrl}/v1/flows/${id}/results${query}`, { headers })
  if (!response.ok || !response.body) throw new Error(`no lines: ${response.status}`)
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) if (line !== '') yield JSON.parse(line)
  }
}

/** The ids of the jobs in a tree, in order. */
export function jobIds(tree: unknown): string[] {
  const { id, chain, gather, map } = Object(tree)
  if (typeof id === 'string') return [id]
  return [chain, gather, map].flatMap((children: unknown) => (Array.isArray(children) ? children.flatMap(jobIds) : []))
}
