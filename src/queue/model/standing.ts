/** How a job is read: `small` without a large input. */
export type JobView = 'whole' | 'small'

/** Where a waiting job stands, at one moment. Counts are of its queue. */
export interface Standing {
  /** Epoch ms. */
  now: number
  /** How many jobs start before it; `many`: too many to count those of its tenant; undefined: it is not among those that may start. */
  ahead: number | 'many' | undefined
  endedInMinute: number
  endedInTenMinutes: number
  /** How many may start. */
  ready: number
}

/** Where a job stands in its flow, as JSON Pointers. */
export interface FlowPlace {
  path: string
  /** The step that comes first. */
  waitsFor: string | undefined
}
