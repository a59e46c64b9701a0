/**
 * Counts how often work has come back to Drover by way of HTTP: a job whose request submits another job, which sends a request, and so on.
 * Every request of a job and every webhook carries it, and a submission with more than {@link maxHops} is refused, so that no loop of
 * services feeds itself for ever.
 */
export const hopsHeader = 'drover-hops'
export const maxHops = 10
