import { cutText } from '../../jobs/cut-text.ts'
import type { Job } from '../../jobs/define-job.ts'
import { parseValue } from '../../jobs/parse-value.ts'
import type { Registry } from '../../jobs/registry.ts'
import { hasScheduling, schedulingOfType } from '../../jobs/scheduling-of-type.ts'
import type { StoredFailure } from '../model/failure.ts'
import { flowScheduling, type StepScheduling } from '../model/scheduling.ts'
import { flowBounds } from './model/document.ts'
import { type JobNode, type MapNode, type PlanNode, sourceOf } from './model/plan.ts'
import { fillReferences, findReferences, follow, parsePointer } from './model/template.ts'
import type { FlowOutputs, Found } from './outputs.ts'

type Filled = { status: 'filled'; value: unknown } | { status: 'failed'; code: string; message: string }

/**
 * The input of a job that is about to be released, with `$output` and `$item` resolved and validated against its type; or why the job
 * cannot run, in words that name the step and the place in its input. The worker validates a type that this process does not know.
 */
export async function completeInput(
  registry: Registry,
  node: JobNode,
  outputs: FlowOutputs,
): Promise<{ input: unknown; scheduling?: StepScheduling } | { failure: StoredFailure }> {
  const { job, path } = node
  if (!job.dynamic) return { input: job.record.input }
  const filled = await fill(node, job.record.input, '/input', outputs)
  if (filled.status === 'failed') return refuse(filled.code, `${path}: ${filled.message}`)
  const loaded = registry.get(job.type)
  const parsed = loaded && parseValue(loaded.job.input, filled.value, { stopEarly: true })
  const [issue] = parsed?.error?.issues ?? []
  if (!issue) {
    const keys = loaded && parsed?.success && hasScheduling(loaded.job) ? keysOf(loaded.job, parsed.data) : undefined
    if (keys && 'error' in keys)
      return refuse('invalid_input', `${path}: its job type makes no usable scheduling key of its input: ${keys.error}`)
    return { input: filled.value, ...keys }
  }
  const at = issue.path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
  return refuse('invalid_input', `${path}: /input${at}: ${issue.message}`)
}

/** What the type of a step says for its input. */
function keysOf(job: Job, input: unknown): ReturnType<typeof flowScheduling> {
  try {
    return flowScheduling(schedulingOfType(job, input))
  } catch (error) {
    return { error: error instanceof Error ? error.message : 'threw' }
  }
}

/** The items that a map is to run over. */
export async function itemsOf(
  map: MapNode,
  outputs: FlowOutputs,
): Promise<{ status: 'found'; items: unknown[] } | { status: 'failed'; code: string; message: string }> {
  const filled = await fill(map, map.map.over, '/map/over', outputs)
  if (filled.status === 'failed') return { ...filled, message: `${map.path}: ${filled.message}` }
  const failed = (message: string) => ({ status: 'failed' as const, code: 'invalid_input', message })
  if (!Array.isArray(filled.value)) return failed(`${map.path}: /map/over: is not an array`)
  const { length } = filled.value
  if (length > map.map.limit)
    return failed(`${map.path}: /map/over: has ${length} elements, more than ${map.map.limit}`)
  return { status: 'found', items: filled.value }
}

async function fill(node: PlanNode, template: unknown, base: string, outputs: FlowOutputs): Promise<Filled> {
  const source = sourceOf(node)
  const found = new Map<string, unknown>()
  for (const { kind, pointer, at } of findReferences(template, base).references) {
    const tokens = parsePointer(pointer) ?? []
    let led: Found = { status: 'missing' }
    if (kind === 'output' && source) led = await outputs.at(source, tokens)
    else if (kind === 'item' && node.item) {
      const inItem = follow(node.item.value, tokens)
      if (inItem) led = { status: 'found', value: inItem.value }
    }
    if (led.status === 'found') found.set(`${kind} ${pointer}`, led.value)
    else {
      const what = kind === 'output' ? 'the output of the step before' : 'the element'
      const message =
        led.status === 'missing'
          ? `${at}: ${what} has nothing at "${pointer}"`
          : `${at}: ${what} is larger than ${flowBounds.inputBytes} bytes`
      return { status: 'failed', code: 'invalid_input', message }
    }
  }
  return { status: 'filled', value: fillReferences(template, ({ kind, pointer }) => found.get(`${kind} ${pointer}`)) }
}

function refuse(code: string, message: string): { failure: StoredFailure } {
  return { failure: { code, message: cutText(message, 2000), retryable: false, attempt: 0 } }
}
