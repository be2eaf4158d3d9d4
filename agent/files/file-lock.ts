import { rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { type AppendFile, openAppendFile } from './append-file.ts'
import { type Claim, claimKey, formatClaim, isRunning, isSameProcess, ownClaim, parseClaims } from './claim.ts'
import { ForeignFileError, HeldError } from './fault.ts'
import { onThread } from './threads.ts'
import { readWholeFile, replaceFile } from './whole-file.ts'

/** The lock file is looked after so often: whoever has added a claim to it waits for an answer. */
const CHECK_MS = 1_000
/** A holder that cannot be seen and does not answer within this time has ended. */
const ANSWER_MS = 4 * CHECK_MS
const LOOK_MS = 100
/** No lock file is longer. */
const MOST_BYTES = 2 ** 20

/** Holders that were asked in vain: files are locked one after another, and each would wait for the same one. */
const silent = new Set<string>()

/**
 * Keeps a second agent from a file, by a lock file beside it. Each agent adds a claim at the end, and the first claim whose process runs holds the
 * lock; no operation on a claim that is there is needed to take over from a process that was killed, so none can be lost to a race.
 * Whether a process runs is told by pid and start. Where that cannot be seen, in another container or on another machine, the holder
 * is asked: it looks after the file each second and answers a new claim by replacing the file with one that has its own claim only.
 */
export class FileLock {
  readonly #file: string
  readonly #path: string
  /** The lock file as it was left, while the lock is held. */
  #held: AppendFile | undefined
  #acquiring: Promise<void> | undefined
  #checking: Promise<void> | undefined
  #nextCheck: NodeJS.Timeout | undefined
  #isAsking = false

  constructor(file: string) {
    this.#file = file
    this.#path = `${file}.lock`
  }

  /** Not any more after the lock file was deleted, or taken over while this process stood still. */
  get isHeld(): boolean {
    return this.#held !== undefined
  }

  /** Whether it waits for the answer of a holder that cannot be seen. */
  get isAsking(): boolean {
    return this.#isAsking
  }

  /** Takes the lock. Throws a `HeldError` if another agent has it, and whatever keeps the lock file from being written. */
  acquire(): Promise<void> {
    if (this.#held) return Promise.resolve()
    this.#acquiring ??= this.#acquire().finally(() => {
      this.#acquiring = undefined
    })
    return this.#acquiring
  }

  async release(): Promise<void> {
    await this.#checking
    clearTimeout(this.#nextCheck)
    const held = this.#held
    this.#held = undefined
    if (held && (await held.sizeByName()) !== undefined) await rm(this.#path, { force: true })
    await held?.close()
  }

  async #acquire(): Promise<void> {
    const own = await ownClaim()
    const asked = new Set<string>()
    while (this.#held === undefined) this.#held = await this.#claim(own, asked)
    this.#checkSoon(own)
  }

  /** Adds a claim; `undefined` if the lock file was replaced or deleted meanwhile. */
  async #claim(own: Claim, asked: Set<string>): Promise<AppendFile | undefined> {
    const file = await openAppendFile(this.#path, { accept })
    try {
      await file.write(Buffer.from(formatClaim(own)))
      const rivals = claimsBefore(own, await readWholeFile(this.#path, MOST_BYTES))
      for (const rival of rivals ?? []) await this.#requireEnded(rival, own, file, asked)
      if ((await file.sizeByName()) === undefined) return void (await file.close())
      if (rivals === undefined) throw new Error('the claim was not written whole')
      return rivals.length === 0 ? file : await this.#replace(own, file)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Throws if a process that has claimed the file before runs. */
  async #requireEnded(rival: Claim, own: Claim, file: AppendFile, asked: Set<string>): Promise<void> {
    const key = claimKey(rival)
    const runs = await isRunning(rival, own)
    if (runs) throw new HeldError(this.#file, `pid ${rival.pid}`)
    if (runs === false || silent.has(key)) return
    // A claim beside which we stood already is in a new file: that is the answer.
    if (asked.has(key)) throw new HeldError(this.#file, `pid ${rival.pid} in another container or on another machine`)
    asked.add(key)
    this.#isAsking = true
    if (!(await isReplacedWithin(file, ANSWER_MS))) silent.add(key)
    this.#isAsking = false
  }

  /** Writes a lock file with nothing but the own claim. Where that fails the old one does as well. */
  async #replace(own: Claim, file: AppendFile): Promise<AppendFile> {
    try {
      const next = await replaceFile(this.#path, formatClaim(own))
      await file.close()
      return next
    } catch {
      return file
    }
  }

  #checkSoon(own: Claim): void {
    this.#nextCheck = setTimeout(() => {
      this.#checking = this.#check(own)
    }, CHECK_MS).unref()
  }

  /** Answers claims that were added since, and notices when the lock file is another one. */
  async #check(own: Claim): Promise<void> {
    const held = this.#held
    if (held === undefined) return
    try {
      const size = await onThread(() => held.sizeByName())
      if (size === undefined) await this.#lose(held)
      else if (size !== held.size) this.#held = await onThread(() => this.#replace(own, held))
    } catch {
      // a disk that fails: the next check may tell
    }
    if (this.#held) this.#checkSoon(own)
  }

  async #lose(held: AppendFile): Promise<void> {
    this.#held = undefined
    await held.close()
  }
}

async function isReplacedWithin(file: AppendFile, ms: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < ms; waitedMs += LOOK_MS) {
    if ((await file.sizeByName()) === undefined) return true
    await delay(LOOK_MS)
  }
  return false
}

/** The claims of other processes that stand before the own one; `undefined` if that is not there. */
function claimsBefore(own: Claim, content: Buffer | undefined): readonly Claim[] | undefined {
  const claims = parseClaims(content?.toString() ?? '') ?? []
  const at = claims.findIndex((claim) => isSameProcess(claim, own))
  return at === -1 ? undefined : claims.slice(0, at)
}

function accept(tail: string): void {
  if (parseClaims(tail) === undefined) throw new ForeignFileError('it holds something else')
}
