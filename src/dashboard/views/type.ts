import { html } from 'htm/preact'
import { useEffect, useState } from 'preact/hooks'
import { get } from '../api.ts'
import { usePolled } from '../live.ts'
import type { Job, JobType } from '../model.ts'
import { submissionOf } from '../parts/copy-submission.ts'
import { duration, plural } from '../parts/format.ts'
import { JsonTree } from '../parts/json-tree.ts'
import { ProblemNote } from '../parts/problem.ts'
import { initialValue } from '../parts/schema-value.ts'
import { type Submission, SubmitForm } from '../parts/submit-form.ts'
import { pathTo, type Route } from '../route.ts'

/** A job type, and the form that submits one of its jobs: from an example, or from the job that `?from=` names. */
export function TypeView({ id, route }: { id: string; route: Route }) {
  const { data: type, error } = usePolled<JobType>(`/v1/job-types/${encodeURIComponent(id)}`, 60_000)
  const from = route.query.get('from')
  const [start, setStart] = useState<Submission | undefined>(undefined)
  const [problem, setProblem] = useState<unknown>(undefined)
  useEffect(() => {
    if (!type) return
    const fresh = { input: initialValue(type.input, type.input, type.examples[0]?.input) }
    if (from === null) return setStart((before) => before ?? fresh)
    get<Job>(`/v1/jobs/${encodeURIComponent(from)}?include=input`).then(
      (job) => setStart((before) => before ?? { ...submissionOf(job), input: job.input }),
      (failure: unknown) => {
        setProblem(failure)
        setStart((before) => before ?? fresh)
      },
    )
  }, [type !== undefined, from])
  if (!type)
    return html`<h1>${id}</h1><${ProblemNote} error=${error} />${error === undefined && html`<p aria-busy="true">Reading the job type</p>`}`
  return html`<h1>${type.type}</h1>
    <p dir="auto"><b>${type.title}</b> ${type.description}</p>
    <p class="faint">Runs on ${type.runs_on}, queue ${type.queue}, ${plural(type.defaults.attempts, 'attempt')}, at most ${duration(type.defaults.timeout_ms)}.${' '}
      <a href=${pathTo(['jobs'], { type: type.type })}>Its jobs</a></p>
    <${ProblemNote} error=${problem} />
    ${start && html`<${SubmitForm} type=${type} start=${start} />`}
    <${Examples} type=${type} />
    <details><summary>JSON Schema of the input</summary><${JsonTree} value=${type.input} name="schema of the input" /></details>
    <details><summary>JSON Schema of the output</summary><${JsonTree} value=${type.output} name="schema of the output" /></details>`
}

function Examples({ type: { examples } }: { type: JobType }) {
  if (examples.length === 0) return null
  return html`<details><summary>Examples (${examples.length})</summary>
    ${examples.map(
      ({ input, output }, at) => html`<div class="columns">
      <section aria-label=${`Input of example ${at + 1}`}><h3>Input</h3><${JsonTree} value=${input} name="input" /></section>
      <section aria-label=${`Output of example ${at + 1}`}><h3>Output</h3><${JsonTree} value=${output} name="output" /></section>
    </div>`,
    )}
  </details>`
}
