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

/** Measures each in turn (A B A B), so that other load affects all of them. Returns a list of samples per measure. */
export async function inTurns(rounds: number, measures: (() => Promise<number>)[]): Promise<number[][]> {
  const samples: number[][] = measures.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [n, measure] of measures.entries()) samples[n]?.push(await measure())
  }
  return samples
}
