import type { Logger } from 'pino'
import { parseValue } from '../../jobs/parse-value.ts'
import type { Registry } from '../../jobs/registry.ts'
import { hasScheduling } from '../../jobs/scheduling-of-type.ts'
import type { FilledStep, StepFiller } from '../consume/attempt.ts'
import { fillerOf } from '../model/job-record.ts'
import { parseJson } from '../model/parse-json.ts'
import { largeBytes } from '../model/payload.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { FlowJobIds } from './model/flow-job-id.ts'
import { fillReferences, findReferences, follow, parsePointer } from './model/template.ts'

interface Deps {
  redis: Redis
  keys: Keys
  registry: Registry
  log: Logger
}

/**
 * Completes the step behind a job in its chain with the output of the job, where the worker that ends the job can: then one script ends the job
 * and releases the step. The step is read while the job runs. What does not fit (a pointer that leads nowhere, an input that its type
 * refuses, a large one) is left to the coordinator, which knows the words for it.
 */
export function stepFiller(deps: Deps): StepFiller {
  return ({ queue }, data) => {
    const filler = fillerOf(data)
    if (!filler) return undefined
    // The next step of a chain is the next node: a job has no nodes below it.
    const { id } = new FlowJobIds(filler.flow).ref(queue, filler.node + 1)
    const reading = read(deps, queue, id)
    return async (output) => {
      const step = await reading
      return step && fill(deps, { id, ...step }, output)
    }
  }
}

interface StoredStep {
  type: string
  data: string
}

/** Never rejects. */
async function read({ redis, keys, log }: Deps, queue: string, id: string): Promise<StoredStep | undefined> {
  try {
    const [type, data] = await whenAvailable(redis.hmget(keys.job({ queue, id }), 'name', 'data'))
    return typeof type === 'string' && typeof data === 'string' ? { type, data } : undefined
  } catch (error) {
    log.debug({ job: id, err: error }, 'failed to read the next step of a chain; the coordinator releases it')
    return undefined
  }
}

function fill({ registry, log }: Deps, { id, type, data }: StoredStep & { id: string }, output: string) {
  try {
    const record = Object(parseJson(data)) as { input?: unknown }
    const input = fillAll(record.input, JSON.parse(output))
    if (!input) return undefined
    const job = registry.get(type)?.job
    // Keys that it has by its input are the coordinator's to make.
    if (job && hasScheduling(job)) return undefined
    if (job && parseValue(job.input, input.value, { stopEarly: true }).error) return undefined
    // Its input stays last: see JobRecord.
    const filled: FilledStep = { id, data: JSON.stringify({ ...record, input: input.value }) }
    return largeBytes(filled.data) === undefined ? filled : undefined
  } catch (error) {
    log.debug({ job: id, err: error }, 'failed to complete the next step of a chain; the coordinator does it')
    return undefined
  }
}

/** @returns undefined when a reference leads nowhere */
function fillAll(template: unknown, output: unknown): { value: unknown } | undefined {
  const found = new Map<string, unknown>()
  for (const { kind, pointer } of findReferences(template).references) {
    const led = kind === 'output' ? follow(output, parsePointer(pointer) ?? []) : undefined
    if (!led) return undefined
    found.set(pointer, led.value)
  }
  return { value: fillReferences(template, ({ pointer }) => found.get(pointer)) }
}
