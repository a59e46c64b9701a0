/** A JSON object of a server. Its version may be older or newer than this program's: fields may be missing, or unknown. */
export type Doc = Readonly<Record<string, unknown>>

const isDoc = (value: unknown): value is Doc => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The object, or an empty one where `value` is none. */
export function docOf(value: unknown): Doc {
  return isDoc(value) ? value : {}
}

/** The elements, or none where `value` is not an array. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The objects of the member `items`. */
export function itemsOf(page: Doc): readonly Doc[] {
  return listOf(page['items']).map(docOf)
}

/** A field as text: empty where it is null or absent, JSON where it is an object or a list. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
