/** Why a run must stop, and how long its handler may take to end by itself before it is killed or abandoned. */
export interface StopRequest {
  kind: 'canceled' | 'timeout' | 'deadline_exceeded' | 'lock_lost' | 'shutdown' | 'values_refused'
  graceMs: number
}
