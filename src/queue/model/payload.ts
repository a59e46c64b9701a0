/** Larger inputs, and in lists and events larger outputs, are left out of a job as clients see it. In bytes of JSON. */
const maxInlineBytes = 16_384

/** Whether so many bytes of JSON are left out. */
export const isLarge = (bytes: number): boolean => bytes > maxInlineBytes

/** The size of JSON text in bytes where it is larger than {@link maxInlineBytes}, else undefined. Most text is too short to be measured. */
export function largeBytes(json: string): number | undefined {
  if (json.length * 3 <= maxInlineBytes) return undefined
  const bytes = Buffer.byteLength(json)
  return isLarge(bytes) ? bytes : undefined
}

/** … of the input in `data`, the JSON text of `record`: without making JSON of the input again. */
export function largeInputBytes(data: string, record: object): number | undefined {
  const whole = largeBytes(data)
  if (whole === undefined) return undefined
  const bytes = whole - Buffer.byteLength(JSON.stringify({ ...record, input: null })) + 'null'.length
  return isLarge(bytes) ? bytes : undefined
}
