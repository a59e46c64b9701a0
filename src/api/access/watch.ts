import type { FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.ts'

/** What a token lets its owner read, and nothing else: one run of one job or flow. */
export interface Watch {
  kind: 'job' | 'flow'
  id: string
  run: number
  /** … with its input. */
  input: boolean
}

/** A watch token is for one run: a retry ends it. @throws Problem `forbidden` */
export function checkWatchedRun({ caller: { watch } }: FastifyRequest, run: number): void {
  if (watch && watch.run !== run) throw new Problem('forbidden', `This token is for run ${watch.run} alone.`)
}
