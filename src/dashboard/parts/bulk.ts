/** Bulk operations come with `/v1/operations`. */
export function BulkActions(_props: { filter: Record<string, string> }) {
  return null
}
