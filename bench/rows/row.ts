import type { Line } from '../report.ts'
import type { World } from '../world.ts'

/** How large a run is. */
export interface Size {
  /** How often Drover and its yardsticks take turns. */
  rounds: number
  /** 1, or less for a quick run. */
  scale: number
}

/** One or more lines of the table. Leaves no process behind. */
export type Row = (world: World, size: Size) => Promise<Line[]>

/** Numbers of jobs and the like, for this size. */
export const scaled = (count: number, { scale }: Size) => Math.max(1, Math.round(count * scale))

/**
 * Measures each in turn, so that other load affects all of them. Each round begins with another one (A B C, B C A, …): who comes behind a pause is
 * slower than who was just measured. Returns a list of samples per measure.
 */
export async function inTurns(rounds: number, measures: (() => Promise<number>)[]): Promise<number[][]> {
  const samples: number[][] = measures.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < measures.length; turn++) {
      const n = (round + turn) % measures.length
      const sample = await measures[n]?.()
      if (sample !== undefined) samples[n]?.push(sample)
    }
  }
  return samples
}
