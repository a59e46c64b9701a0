/**
 * Whether an `Accept` header (https://www.rfc-editor.org/rfc/rfc9110#name-accept) names HTML, and JSON not with more weight, as that of a browser
 * that opens a page does.
 */
export function prefersHtml(accept: string | undefined): boolean {
  if (accept === undefined || !accept.toLowerCase().includes('text/html')) return false
  const ranges = new Map(accept.toLowerCase().split(',').map(rangeOf))
  const html = ranges.get('text/html') ?? 0
  const json = ranges.get('application/json') ?? ranges.get('application/*') ?? ranges.get('*/*') ?? 0
  return html > 0 && html >= json
}

/** A media range and its weight, from 0 to 1. */
function rangeOf(text: string): [string, number] {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim())
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
  const given = weight === undefined ? 1 : Number(weight)
  return [range, given >= 0 && given <= 1 ? given : 1]
}
