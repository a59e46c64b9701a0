import { useEffect, useState } from 'preact/hooks'
import type { Scope } from './model.ts'

// The only file that calls `/v1`, besides stream.ts, which gets its headers here.

const storageKey = 'drover-key'

/** A problem document (RFC 9457) that the API answered. */
export interface Problem {
  status: number
  code: string
  title: string
  detail: string
  errors: { pointer: string; detail: string }[]
  requestId: string | null
  /** How long to wait before the next try (ms); 0 where the API says nothing of it. */
  retryAfterMs: number
}

export class ProblemError extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

/** The API gave no answer at all. */
export class AwayError extends Error {}

/** What the top of the page says about the API. */
export interface Connection {
  /** Since when it does not answer, or cannot serve (epoch ms). */
  awaySince: number | undefined
  why: string
  /** The key is not valid, or there is none where one is needed. */
  needsKey: string | undefined
}

let connection: Connection = { awaySince: undefined, why: '', needsKey: undefined }
const listeners = new Set<() => void>()

function setConnection(changes: Partial<Connection>): void {
  const next = { ...connection, ...changes }
  const isSame = next.awaySince === connection.awaySince && next.why === connection.why
  if (isSame && next.needsKey === connection.needsKey) return
  connection = next
  for (const listener of listeners) listener()
}

export function useConnection(): Connection {
  const [shown, setShown] = useState(connection)
  useEffect(() => {
    const update = () => setShown(connection)
    listeners.add(update)
    update()
    return () => void listeners.delete(update)
  }, [])
  return shown
}

const storedKey = (): string | null => sessionStorage.getItem(storageKey)

/** Keeps the key in this tab; undefined forgets it. */
export function setKey(key: string | undefined): void {
  if (key === undefined) sessionStorage.removeItem(storageKey)
  else sessionStorage.setItem(storageKey, key)
  setConnection({ needsKey: undefined })
}

export function askForKey(why: string): void {
  setConnection({ needsKey: why })
}

export function authorization(): Record<string, string> {
  const key = storedKey()
  return key === null ? {} : { authorization: `Bearer ${key}` }
}

/** Says that the API does not answer, until it does. */
export function noteAway(why: string): void {
  setConnection({ awaySince: connection.awaySince ?? Date.now(), why })
}

export function noteAnswer(): void {
  setConnection({ awaySince: undefined, why: '' })
}

interface Options {
  method?: string
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
}

/** Sends a request with the key of this tab. @throws ProblemError or AwayError */
export async function send(path: string, { method = 'GET', body, headers, signal }: Options = {}): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      credentials: 'omit',
      headers: {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...authorization(),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
  } catch (error) {
    if (signal?.aborted === true) throw error
    noteAway('The API does not answer')
    throw new AwayError('The API does not answer', { cause: error })
  }
  if (response.ok || response.status === 304) {
    noteAnswer()
    return response
  }
  throw new ProblemError(await refusal(response))
}

/** The problem of an answer. Notes what it means for the whole page. */
export async function refusal(response: Response): Promise<Problem> {
  const problem = await problemOf(response)
  if (response.status === 401) {
    setConnection({ needsKey: storedKey() === null ? '' : 'This key is not valid. Perhaps it has expired.' })
  }
  const isAway = problem.code === 'queue_unavailable' || problem.code === 'draining' || response.status === 502
  if (isAway) noteAway(problem.code === 'queue_unavailable' ? 'Redis does not answer' : problem.title)
  else noteAnswer()
  return problem
}

async function problemOf(response: Response): Promise<Problem> {
  const retryAfterS = Number(response.headers.get('retry-after') ?? 0)
  const base = {
    status: response.status,
    requestId: response.headers.get('request-id'),
    retryAfterMs: Number.isFinite(retryAfterS) ? retryAfterS * 1000 : 0,
  }
  const document: unknown = await response.json().catch(() => undefined)
  const { code, title, detail, errors } = Object(document)
  return {
    ...base,
    code: typeof code === 'string' ? code : `http_${response.status}`,
    title: typeof title === 'string' ? title : `HTTP ${response.status}`,
    detail: typeof detail === 'string' ? detail : response.statusText,
    errors: Array.isArray(errors) ? errors : [],
  }
}

/** Reads JSON. @throws ProblemError or AwayError */
export async function get<Answer>(path: string, options?: Options): Promise<Answer> {
  const response = await send(path, options)
  return await response.json()
}

/** Sends JSON, if there is any, and reads the answer, if there is one. @throws ProblemError or AwayError */
export async function write<Answer>(method: string, path: string, body?: unknown, more: Options = {}): Promise<Answer> {
  const response = await send(path, { ...more, method, body })
  const text = await response.text()
  return JSON.parse(text === '' ? 'null' : text)
}

/** Why a key without a scope may not do something; undefined where it may. */
export function forbidden(scopes: readonly Scope[], scope: Scope): string | undefined {
  return scopes.includes(scope) ? undefined : `This key does not have the scope "${scope}".`
}
