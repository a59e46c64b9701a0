import { html } from 'htm/preact'
import { ProblemError } from '../api.ts'
import { CopyButton } from './copy.ts'

/** What was refused: title, detail, and the id of the request to tell the operators. Nothing where there is no error. */
export function ProblemNote({ error, missing }: { error: unknown; missing?: string }) {
  if (error === undefined || error === null) return null
  if (!(error instanceof ProblemError)) {
    return html`<div class="note bad" role="alert">${error instanceof Error ? error.message : 'Something failed.'}</div>`
  }
  const { problem } = error
  if (problem.code === 'route_not_found' && missing !== undefined) {
    return html`<div class="note" role="status">${missing}</div>`
  }
  return html`<div class="note bad" role="alert">
    <strong>${problem.title}</strong>
    <p dir="auto">${problem.detail}</p>
    ${problem.errors.map(({ pointer, detail }) => html`<p><code>${pointer || '/'}</code> ${detail}</p>`)}
    ${
      problem.requestId !== null &&
      html`<p class="faint">Request <code>${problem.requestId}</code> <${CopyButton} text=${problem.requestId} what="the request id" /></p>`
    }
  </div>`
}
