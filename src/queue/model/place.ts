/** In which of BullMQ's sets a script found a job. */
export type Place = 'finished' | 'active' | 'delayed' | 'waiting' | 'blocked'
