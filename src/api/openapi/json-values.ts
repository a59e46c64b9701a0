/** JSON values of an OpenAPI document, which is built by others: only what is needed here is looked at. */
export type Json = Record<string, unknown>

export function entries(value: unknown): [string, unknown][] {
  return Object.entries(asJson(value))
}

export function asJson(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}
