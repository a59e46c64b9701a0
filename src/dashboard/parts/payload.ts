import { html } from 'htm/preact'
import { useState } from 'preact/hooks'
import { send } from '../api.ts'
import type { Job } from '../model.ts'
import { bytes } from './format.ts'
import { JsonTree } from './json-tree.ts'
import { ProblemNote } from './problem.ts'

/** Larger ones are not shown as a tree, only downloaded. */
const treeBytes = 1_000_000

/** The input or the output of a job: as a tree, a large one when it is asked for, a very large one as a download. */
export function Payload({ job, what }: { job: Job; what: 'input' | 'output' }) {
  const [read, setRead] = useState<{ value: unknown } | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const size = what === 'input' ? job.input_bytes : job.output_bytes
  const value = what === 'input' ? job.input : job.output
  const path = `/v1/jobs/${encodeURIComponent(job.id)}/${what}`
  const load = () => {
    send(path)
      .then((response) => response.json())
      .then((value: unknown) => setRead({ value }), setError)
  }
  if (what === 'output' && !job.done) return html`<p class="faint">The output comes with the end of the job.</p>`
  if (what === 'output' && job.state !== 'succeeded') return html`<p class="faint">It ended without an output.</p>`
  if (size === null) return html`<${JsonTree} value=${value} name=${what} />`
  return html`<div class="tools"><span>${bytes(size)}</span>
      ${!read && size <= treeBytes && html`<button type="button" class="small" onClick=${load}>Show it</button>`}
      <button type="button" class="small secondary" onClick=${() => void download(path, `${job.id}-${what}.json`).catch(setError)}>Download</button>
    </div>
    <${ProblemNote} error=${error} />
    ${read && html`<${JsonTree} value=${read.value} name=${what} />`}`
}

/** Saves what a path answers. A plain link would send no key. */
async function download(path: string, name: string): Promise<void> {
  const response = await send(path)
  const url = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
