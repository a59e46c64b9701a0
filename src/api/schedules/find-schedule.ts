import { z } from 'zod'
import { Problem } from '../http/problem.ts'

const id = z.string().regex(/^[A-Za-z0-9][\w.-]{0,99}$/, 'is not 1 to 100 letters, digits, _, . or -')
/** The path parameter of a schedule, chosen by its client. */
export const scheduleParams = z.object({ id })

/** Where a schedule can be read. */
export function schedulePath(scheduleId: string): string {
  return `/v1/schedules/${scheduleId}`
}

export function scheduleNotFound(scheduleId: string): Problem {
  return new Problem('schedule_not_found', `There is no schedule "${scheduleId}".`)
}
