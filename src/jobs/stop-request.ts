/** Why a run is to stop, and how long the handler may take to end by itself before it is ended. */
export interface StopRequest {
  kind: 'canceled' | 'timeout' | 'deadline_exceeded' | 'lock_lost' | 'shutdown'
  graceMs: number
}
