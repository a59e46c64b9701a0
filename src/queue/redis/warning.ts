/** Something that costs safety and that an operator should mend, while the process can serve. */
export interface Warning {
  code:
    | 'redis_evicts'
    | 'redis_not_durable'
    | 'redis_not_checked'
    | 'redis_memory_high'
    | 'redis_memory_full'
    | 'clock_skew'
    | 'descriptors_exhausted'
  detail: string
}
