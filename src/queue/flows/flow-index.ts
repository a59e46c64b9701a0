import { indexEntry, ulidOf } from '../model/job-id.ts'
import { type Label, labelEntry, labeledStates, stateLabel, tagLabel } from '../model/job-label.ts'
import type { JobState } from '../model/job-states.ts'
import { type Redis, whenAvailable } from '../redis/connection.ts'
import type { Keys } from '../redis/keys.ts'
import { IndexWalk, KnownJobs, type Section } from '../store/index-section.ts'
import { alongLabels, rangeOf } from '../store/plan-search.ts'
import { type SearchStep, searchSections } from '../store/search-sections.ts'
import type { FlowHead } from './model/document.ts'

/** Where and for what to look; as JobSearch. */
export interface FlowSearch {
  tenant: string
  state: JobState | undefined
  tag: string | undefined
  behind: string | undefined
  from: number
  to: number
  count: number
}

type Listed = Pick<FlowHead, 'id' | 'tenant' | 'tags'>

/** Open flows are taken from their list where it has no more than these. */
const maxOpen = 20_000

/**
 * Finds the flows of a tenant, newest first: the indexes of flows are as those of a queue, see JobIndex. An entry is written before its flow,
 * and removed after it: readers skip an entry without a flow, and one that says how an earlier run ended. All methods throw QueueUnavailableError.
 */
export class FlowIndex {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(deps: { redis: Redis; keys: Keys }) {
    this.#redis = deps.redis
    this.#keys = deps.keys
  }

  /** Lists a flow, and how it has ended; idempotent. */
  async add(flow: Listed, state?: JobState): Promise<void> {
    const ended = labeledStates.find((name) => name === state)
    const labels = [...new Set(flow.tags)].map(tagLabel).concat(ended ? [stateLabel(ended)] : [])
    const entries = labels.flatMap((label) => [0, labelEntry(flow.tenant, label, ulidOf(flow.id))])
    await whenAvailable(
      Promise.all([
        this.#redis.zadd(this.#keys.flowIndex, 0, indexEntry(flow.tenant, ulidOf(flow.id))),
        entries.length === 0 ? undefined : this.#redis.zadd(this.#keys.flowLabels, ...entries),
      ]),
    )
  }

  async remove({ tenant, id, tags }: Listed): Promise<void> {
    const labels: Label[] = [...tags.map(tagLabel), ...labeledStates.map(stateLabel)]
    await whenAvailable(
      Promise.all([
        this.#redis.zrem(this.#keys.flowIndex, indexEntry(tenant, ulidOf(id))),
        this.#redis.zrem(this.#keys.flowLabels, ...labels.map((label) => labelEntry(tenant, label, ulidOf(id)))),
      ]),
    )
  }

  /** Looks for flows that may match, in steps. The caller reads them. */
  async *search(search: FlowSearch): AsyncGenerator<SearchStep, void, undefined> {
    yield* searchSections([[await this.#sectionOf(search)]], search.count)
  }

  async #sectionOf({ tenant, state, tag, behind, from, to }: FlowSearch): Promise<Section> {
    const ended = labeledStates.find((name) => name === state)
    const labels = [...(tag === undefined ? [] : [tagLabel(tag)]), ...(ended ? [stateLabel(ended)] : [])]
    const heads = labels.map((label) => labelEntry(tenant, label, ''))
    const options = {
      redis: this.#redis,
      queue: 'flow',
      jobs: '',
      tenant,
      index: this.#keys.flowIndex,
      labels: this.#keys.flowLabels,
      conditions: { sets: [], type: undefined, labelHeads: [] },
      ...rangeOf(behind, from, to),
    }
    const isOpen = state !== undefined && !ended && state !== 'succeeded'
    if (isOpen && (await whenAvailable(this.#redis.zcard(this.#keys.openFlows))) <= maxOpen) {
      const entries = await whenAvailable(this.#redis.zrange(this.#keys.openFlows, 0, `${maxOpen}`))
      const ids = new Set(entries.map((entry) => entry.split(' ')[0] ?? ''))
      return KnownJobs.of({ ...options, conditions: { ...options.conditions, labelHeads: heads } }, [...ids])
    }
    if (heads.length > 0) return alongLabels(options, heads)
    return new IndexWalk({ ...options, walked: options.index, head: `${tenant}:` })
  }
}
