import { type IndexedJob, newestFirst, type Section } from './index-section.ts'

/** A step of a search. All that match down to the ULID `searchedTo` are in this step or an earlier one; undefined: there are no more. */
export interface SearchStep {
  found: IndexedJob[]
  searchedTo: string | undefined
}

/** Of many places each gives a few at first: what is wanted is somewhere among them, and each that gave all is asked for more. */
const firstFew = { share: 2, min: 5 }

/**
 * Searches several places at once, newest first, each in its sections one after the other. Each step takes Redis a few ms: the caller may stop
 * after any. @throws QueueUnavailableError
 */
export async function* searchSections(places: Section[][], count: number): AsyncGenerator<SearchStep, void, undefined> {
  const lanes = places.map((sections) => new Lane(sections))
  let wanted = Math.min(count, Math.max(firstFew.min, Math.ceil((firstFew.share * count) / places.length)))
  for (;;) {
    await Promise.all(lanes.map((lane) => lane.fill(wanted)))
    wanted = count
    // What a lane has not looked at is older than this.
    const open = lanes.flatMap(({ searchedTo }) => searchedTo ?? [])
    const searchedTo = open.reduce<string | undefined>((a, b) => (a === undefined || b > a ? b : a), undefined)
    const found = lanes.flatMap((lane) => lane.take(searchedTo)).sort(newestFirst)
    yield { found, searchedTo }
    if (searchedTo === undefined) return
  }
}

/** What was found in the sections of one place, one after the other, and not taken yet. */
class Lane {
  readonly #sections: Section[]
  #found: IndexedJob[] = []
  /** Undefined when all sections have been looked through. */
  searchedTo: string | undefined = '~'

  constructor(sections: Section[]) {
    this.#sections = sections
  }

  /** Looks further, unless it has something to give. */
  async fill(count: number): Promise<void> {
    const [section] = this.#sections
    if (!section) this.searchedTo = undefined
    if (!section || this.#found.length > 0) return
    const { found, searchedTo } = await section.next(count)
    this.#found = found
    if (searchedTo === undefined) this.#sections.shift()
    // The next section begins where this one ends.
    this.searchedTo = searchedTo ?? (this.#sections.length > 0 ? section.end.padEnd(26, '0') : undefined)
  }

  /** Takes what is not older than `to`; undefined: all. */
  take(to: string | undefined): IndexedJob[] {
    const cut = to === undefined ? -1 : this.#found.findIndex(({ ulid }) => ulid < to)
    return this.#found.splice(0, cut === -1 ? this.#found.length : cut)
  }
}
