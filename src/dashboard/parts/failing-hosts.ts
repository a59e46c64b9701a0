import type { ListedDelivery } from '../model.ts'

/** The hosts that did not take a delivery so far, and how many. */
export function failingHosts(deliveries: readonly ListedDelivery[]): Map<string, number> {
  const failing = new Map<string, number>()
  for (const { url, state, error } of deliveries) {
    const isFailing = state === 'failed' || (state === 'scheduled' && error !== null)
    const host = URL.parse(url)?.host ?? url
    if (isFailing) failing.set(host, (failing.get(host) ?? 0) + 1)
  }
  return failing
}
