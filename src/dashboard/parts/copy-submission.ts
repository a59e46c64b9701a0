import { html } from 'htm/preact'
import { get } from '../api.ts'
import type { Job } from '../model.ts'
import { sessionKey } from '../session.ts'
import { CopyButton } from './copy.ts'

/** A text that submits a body, without the key. */
type Snippet = (body: unknown, hasKey: boolean) => string

const address = (): string => `${location.origin}/v1/jobs`

const curl: Snippet = (body, hasKey) => {
  const quoted = JSON.stringify(body).replaceAll("'", `'\\''`)
  const key = hasKey ? '-H "authorization: Bearer $DROVER_KEY" ' : ''
  return `curl -s ${address()} ${key}-H 'content-type: application/json' -d '${quoted}'`
}

const typescript: Snippet = (body, hasKey) => `const response = await fetch(${JSON.stringify(address())}, {
  method: 'POST',
  headers: {${hasKey ? ' authorization: `Bearer ${process.env.DROVER_KEY}`,' : ''} 'content-type': 'application/json' },
  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll('\n', '\n  ')}),
})
const job = await response.json()
console.log(response.status, job)
`

const python: Snippet = (body, hasKey) =>
  [
    'import json',
    'import os',
    'import urllib.request',
    '',
    'request = urllib.request.Request(',
    `    ${JSON.stringify(address())},`,
    `    data=json.dumps(${pythonOf(body)}).encode(),`,
    `    headers={${hasKey ? '"authorization": "Bearer " + os.environ["DROVER_KEY"], ' : ''}"content-type": "application/json"},`,
    ')',
    'job = json.load(urllib.request.urlopen(request))',
    'print(job)',
    '',
  ].join('\n')

/** A JSON value as Python writes it. */
function pythonOf(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Array.isArray(value)) return `[${value.map(pythonOf).join(', ')}]`
  if (typeof value !== 'object') return JSON.stringify(value)
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${pythonOf(member)}`)
  return `{${members.join(', ')}}`
}

const languages: [label: string, snippet: Snippet][] = [
  ['curl', curl],
  ['TypeScript', typescript],
  ['Python', python],
]

/** Buttons that copy a submission in a language. */
export function CopySubmission({ body }: { body: () => unknown }) {
  const hasKey = sessionKey().id !== null
  return html`<span class="copies"><span class="faint">copy as</span> ${languages.map(
    ([label, snippet]) =>
      html`<${CopyButton} key=${label} text=${async () => snippet(await body(), hasKey)} what="copy the submission" label=${label} warning=${maskWarning} />`,
  )}</span>`
}

/** The submission of a job like this one, with its input whole. @throws ProblemError or AwayError */
export async function wholeSubmissionOf(job: Job): Promise<Record<string, unknown>> {
  if (job.input_bytes === null) return submissionOf(job)
  return submissionOf(await get<Job>(`/v1/jobs/${encodeURIComponent(job.id)}?include=input`))
}

/** The submission of a job like this one. */
export function submissionOf(job: Job): Record<string, unknown> {
  return {
    type: job.type,
    input: job.input,
    ...(job.priority !== 0 && { priority: job.priority }),
    ...(job.timeout_ms !== null && { timeout_ms: job.timeout_ms }),
    ...(job.tags.length > 0 && { tags: job.tags }),
    ...(Object.keys(job.metadata).length > 0 && { metadata: job.metadata }),
  }
}

/** What to mind about a submission that has the mask which the API puts in place of a secret. */
export const maskWarning = (text: string): string | undefined =>
  text.includes('"***"') ? 'replace each "***" by its secret' : undefined
