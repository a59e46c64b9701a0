/**
 * What a handler calls that ends after it where nobody waits for it: its error is then nobody's, and must not end the worker with all of its jobs, as Node.js does
 * where a rejection is not handled. A handler that waits for the promise gets the error.
 */
export function mayBeForgotten<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
