import type { Retention } from '../../queue/model/retention.ts'
import type { StoredJob } from '../../queue/model/stored-job.ts'
import type { Caller } from '../access/api-keys.ts'
import { timestamp } from '../http/timestamp.ts'
import { jobResource } from './job-resource.ts'
import { shownHeldBy } from './job-scheduling.ts'

/** The fields of a record of which the answer shows the input and the version alone. */
const bareFields: ReadonlySet<string> = new Set(['v', 'tenant', 'limited', 'typeVersion', 'requestId', 'input'])
/** Stand for what differs between such jobs of a type. The names of types and queues have no such characters. */
const hole = { id: '<id>', input: '<input>', created: '<created>', held: '<held>' }
const holes = new RegExp(`(${hole.id}|"${hole.input}"|"${hole.created}"|"${hole.held}")`)
const maxForms = 1000

interface Form {
  attempts: number
  version: number | undefined
  /** A text and a hole in turns. */
  pieces: string[]
}

/**
 * Writes the JSON of a job that was just added, as {@link jobResource} has it, at a fifth of its cost: of a job without options, as most are,
 * nearly all is known beforehand. The pieces are cut from what jobResource makes of a job of the type.
 */
export class NewJobTexts {
  readonly #retention: Retention
  readonly #forms = new Map<string, Form>()

  constructor(retention: Retention) {
    this.#retention = retention
  }

  /** @returns undefined where the job shows more than an input: {@link jobResource} knows it */
  textOf(job: StoredJob, caller: Caller): string | undefined {
    if (!isBare(job) || caller.watch) return undefined
    const { id, record, createdAt, heldBy } = job
    const { pieces } = this.#formOf(job, caller)
    let text = ''
    for (let n = 0; n < pieces.length; n++) {
      const piece = pieces[n] ?? ''
      if (n % 2 === 0) text += piece
      else if (piece === hole.id) text += id
      else if (piece === `"${hole.input}"`) text += JSON.stringify(record.input)
      else if (piece === `"${hole.created}"`) text += `"${timestamp(createdAt)}"`
      else text += heldBy ? JSON.stringify(shownHeldBy(heldBy)) : 'null'
    }
    return text
  }

  #formOf(job: StoredJob, caller: Caller): Form {
    const { type, maxAttempts: attempts, record } = job
    const version = record.typeVersion
    const known = this.#forms.get(type)
    if (known?.attempts === attempts && known.version === version) return known
    const example = { ...job, id: hole.id, record: { ...record, input: hole.input } }
    const resource = jobResource(example, this.#retention, caller)
    const text = JSON.stringify({ ...resource, created_at: hole.created, held_by: hole.held })
    const form = { attempts, version, pieces: text.split(holes) }
    if (known || this.#forms.size < maxForms) this.#forms.set(type, form)
    return form
  }
}

function isBare({ state, record, inputBytes, deduplicated }: StoredJob): boolean {
  if (state !== 'queued' || inputBytes !== undefined || deduplicated !== undefined) return false
  for (const name in record) if (!bareFields.has(name)) return false
  return true
}
