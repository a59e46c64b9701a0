/** Bytes of request bodies that are in flight, in all and for each tenant that has some. */
export class BodyBudget {
  readonly total: number
  readonly #byTenant = new Map<string, number>()
  #used = 0

  constructor(total: number) {
    this.total = total
  }

  /** @returns whose budget is too small for so many more bytes, if one is: then nothing is reserved */
  reserve(tenant: string, bytes: number, max: number): 'reserved' | 'exceeds_tenant' | 'exceeds_total' {
    if (this.#used + bytes > this.total) return 'exceeds_total'
    const used = (this.#byTenant.get(tenant) ?? 0) + bytes
    if (used > max) return 'exceeds_tenant'
    this.#byTenant.set(tenant, used)
    this.#used += bytes
    return 'reserved'
  }

  /** Gives back what was reserved. */
  release(tenant: string, bytes: number): void {
    const left = (this.#byTenant.get(tenant) ?? 0) - bytes
    if (left > 0) this.#byTenant.set(tenant, left)
    else this.#byTenant.delete(tenant)
    this.#used -= bytes
  }
}
