/** `performance.now()` counts from the start of its thread; the clock behind it is one for all threads of a machine. */
const startOfThread = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** Milliseconds on a clock that only goes forward and is the same in all threads. For durations: the wall clock may be set. */
export const monotonicMs = (): number => startOfThread + performance.now()
