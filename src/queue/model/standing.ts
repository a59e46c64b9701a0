/** How a job is read: `small` without a large input. */
export type JobView = 'whole' | 'small'

/** Where a waiting job stands, at one moment. Counts are of its queue. */
export interface Standing {
  /** Epoch ms. */
  now: number
  /** How many jobs start before it; undefined: it is not among those that may start. */
  ahead: number | undefined
  /** … of those that its reader may see; `many`: too many to count. */
  ownAhead: number | 'many' | undefined
  /** Its tenant has fairness keys, or jobs that were held: which of its jobs starts at a turn is decided then. */
  isTurnOpen: boolean
  endedInMinute: number
  endedInTenMinutes: number
  /** How many may start. */
  ready: number
  /** Some of the jobs that hold it by its key or its tenant: their ids. */
  holders?: string[]
}

/** Where a job stands in its flow, as JSON Pointers. */
export interface FlowPlace {
  path: string
  /** The step that comes first. */
  waitsFor: string | undefined
}
