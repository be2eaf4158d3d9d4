/** Heights that are remembered: those of two days. */
const MAX_HEIGHTS = 288
/** Blocks that are remembered of one height. */
const MAX_SIBLINGS = 8
/** A block that is not connected competes with those of the latest heights only. */
const LATEST = 6
/** The blocks of a branch that the node changes to are connected one after another; what is mined or received takes longer. */
const MOST_PAUSE_NS = 250e6

interface Height {
  readonly height: number
  /** The blocks at this height, in the order in which they were heard of. */
  readonly hashes: string[]
  /** The one in the active chain. */
  connected: string | undefined
}

/** A block that was just connected. */
interface Connection {
  readonly hash: string
  readonly height: number
  /** When it was connected, and how long that took: CLOCK_MONOTONIC, ns. */
  readonly stampNs: number
  readonly durationNs: number | undefined
  /** The block before it, where its header was seen. */
  readonly previous: string | undefined
}

/** What a connection shows. */
interface Change {
  /** Blocks that are at one height with another, which was heard of first. */
  readonly competing: readonly (readonly [hash: string, competesWith: string])[]
  /** Blocks that left the active chain, and the first one that took their place. */
  readonly reorganisation?: { readonly hash: string; readonly depth: number } | undefined
}

/** Blocks in place of others, which may be a branch that the node changes to, or the beginning of another chain. */
interface Branch {
  readonly hashes: string[]
  readonly depth: number
  readonly oldTip: number
  height: number
  stampNs: number
}

/** The blocks at a node's latest heights: which compete, and which left the active chain for others. Memory is bounded whatever comes. */
export class Chain {
  /** By the remainder of the height. */
  #heights: (Height | undefined)[] = []
  readonly #heightOf = new Map<string, number>()
  #branch: Branch | undefined
  #tip: number | undefined

  /** Height of the last block of the active chain, as far as it is known. */
  get tip(): number | undefined {
    return this.#tip
  }

  /** The height of a block; `undefined` of one that is not remembered. */
  heightOf(hash: string): number | undefined {
    return this.#heightOf.get(hash)
  }

  /** Takes in that there is a block at that height. Returns the first one there, if this one is new and competes with it. */
  add(hash: string, height: number): string | undefined {
    // Only what was connected is certain; nobody proves a height that is far from it.
    if (this.#tip === undefined || this.#branch || !isHeight(height) || Math.abs(height - this.#tip) > LATEST) return undefined
    const slot = this.#at(height)
    return slot && this.#put(slot, hash) ? other(slot, hash) : undefined
  }

  /** Takes in that a block was connected. Returns what that shows, if anything. */
  connect(connection: Connection): Change | undefined {
    const { hash, height } = connection
    if (!isHeight(height)) return undefined
    // From the beginning: of a new data directory, or read in anew.
    if (height <= 1 && height < (this.#tip ?? 0)) this.#reset()
    if (this.#branch && !continues(this.#branch, connection)) this.#reset(this.#branch)
    const slot = this.#at(height)
    if (slot === undefined) return undefined
    const isNew = this.#put(slot, hash)
    if (this.#branch) return this.#extend(this.#branch, slot, connection)
    if (slot.connected !== undefined && slot.connected !== hash) return this.#replace(slot, connection)
    slot.connected = hash
    this.#tip = Math.max(this.#tip ?? height, height)
    const competesWith = isNew ? other(slot, hash) : undefined
    return competesWith === undefined ? undefined : { competing: [[hash, competesWith]] }
  }

  /** A block takes the place of another: for certain, if it follows a block that both chains have. */
  #replace(slot: Height, { hash, height, stampNs, previous }: Connection): Change | undefined {
    const oldTip = this.#tip ?? height
    let depth = 0
    for (let above = Math.max(height, oldTip - MAX_HEIGHTS + 1); above <= oldTip; above++) {
      const left = this.#heights[above % MAX_HEIGHTS]
      if (left?.height !== above || left.connected === undefined) continue
      left.connected = undefined
      depth++
    }
    slot.connected = hash
    this.#tip = height
    if (previous !== undefined && this.#heightOf.get(previous) === height - 1) return this.#reorganised([hash], depth)
    this.#branch = { hashes: [hash], depth, oldTip, height, stampNs }
    return undefined
  }

  /** A node changes to a branch only if that becomes longer. */
  #extend(branch: Branch, slot: Height, { hash, height, stampNs }: Connection): Change | undefined {
    slot.connected = hash
    this.#tip = height
    branch.hashes.push(hash)
    branch.height = height
    branch.stampNs = stampNs
    if (height <= branch.oldTip) return undefined
    this.#branch = undefined
    return this.#reorganised(branch.hashes, branch.depth)
  }

  #reorganised(hashes: readonly string[], depth: number): Change {
    const competing = hashes.flatMap((hash) => {
      const slot = this.#at(this.#heightOf.get(hash) as number)
      const competesWith = slot && other(slot, hash)
      return competesWith === undefined ? [] : [[hash, competesWith] as const]
    })
    return { competing, reorganisation: { hash: hashes[0] as string, depth } }
  }

  /** Adds a block to a height. Returns whether it is new there. */
  #put(slot: Height, hash: string): boolean {
    if (slot.hashes.includes(hash)) return false
    if (slot.hashes.length >= MAX_SIBLINGS) this.#heightOf.delete(slot.hashes.pop() as string)
    slot.hashes.push(hash)
    this.#heightOf.set(hash, slot.height)
    return true
  }

  #at(height: number): Height | undefined {
    const slot = this.#heights[height % MAX_HEIGHTS]
    if (slot?.height === height) return slot
    if (slot !== undefined && slot.height > height) return undefined
    for (const hash of slot?.hashes ?? []) this.#heightOf.delete(hash)
    const fresh: Height = { height, hashes: [], connected: undefined }
    this.#heights[height % MAX_HEIGHTS] = fresh
    return fresh
  }

  /** Forgets the chain for another one, which begins with that branch. */
  #reset(branch?: Branch): void {
    this.#heights = []
    this.#heightOf.clear()
    this.#branch = undefined
    this.#tip = branch?.height
    for (const [index, hash] of branch?.hashes.entries() ?? []) {
      const slot = this.#at((branch as Branch).height - (branch as Branch).hashes.length + 1 + index) as Height
      this.#put(slot, hash)
      slot.connected = hash
    }
  }
}

/** bitcoind passes 32 bits; what was recorded can hold anything. */
const isHeight = (height: number) => Number.isInteger(height) && height >= 0 && height < 2 ** 31

/** The block that was heard of first at a height, if that is another. */
const other = ({ hashes: [first] }: Height, hash: string) => (first === hash ? undefined : first)

const continues = (branch: Branch, { height, stampNs, durationNs = 0 }: Connection) =>
  height === branch.height + 1 && stampNs - durationNs - branch.stampNs <= MOST_PAUSE_NS
