import type { Random } from '../../harness/random.ts'

/** A block, as the network found it. */
export interface ModelBlock {
  readonly hash: string
  readonly height: number
  readonly foundAt: number
  readonly pool: string
  readonly transactions: number
  readonly inputs: number
  readonly sigops: number
}

/** The arrival of a block at one node: its journal should record it, and metrics should add up to it. */
export interface Arrival extends ModelBlock {
  readonly node: string
  /** Unix time, seconds. */
  readonly connectedAt: number
  readonly connectNs: number
  readonly winner: 'FIBRE/UDP' | 'BIP152/CMPCTBLOCK' | undefined
  /** First packet to connected; −1 if none came before. */
  readonly udpNs: number
  readonly cmpctNs: number
  readonly udpPeer: string
  readonly cmpctPeer: string
  readonly reconstruction: Reconstruction | undefined
  readonly headerChunkUs: readonly [queue: number, maps: number, chunk: number, finish: number] | undefined
  readonly sent: boolean
}

interface Reconstruction {
  readonly durationUs: number
  readonly chunksUsed: number
  readonly chunksReceived: number
  readonly peers: number
  readonly missing: number
  readonly missingBytes: number
}

/** In what way blocks come to a node: shares of those that FIBRE wins, that compact blocks win, that the node mines; the rest comes whole. */
export interface Profile {
  readonly fibre: number
  readonly compact: number
  readonly mined: number
}

const BLOCKS_PER_DAY = 144
const DAY = 86_400
const FIRST_HEIGHT = 900_000
const pools = ['Foundry USA', 'AntPool', 'ViaBTC', 'F2Pool', 'unknown'] as const
/** Documentation addresses: RFC 5737. */
const udpPeers = ['192.0.2.11:8433', '198.51.100.23:8433', '203.0.113.5:8434'] as const

/** Blocks that are found at random, 144 a day. */
export function* findBlocks(random: Random, from: number, to: number): Generator<ModelBlock> {
  let height = FIRST_HEIGHT
  for (let at = from; ; ) {
    at += random.exponential(DAY / BLOCKS_PER_DAY)
    if (at >= to) return
    const transactions = random.integer(1200, 4800)
    const inputs = Math.trunc(transactions * random.uniform(1.6, 2.9))
    const sigops = Math.trunc(inputs * random.uniform(1, 4))
    yield { hash: '0'.repeat(20) + random.hex(44), height: height++, foundAt: at, pool: random.pick(pools), transactions, inputs, sigops }
  }
}

/** Invents the arrival of a block at a node. Distributions are those of the demo node. */
export function arrive(random: Random, block: ModelBlock, node: string, { fibre, compact, mined }: Profile): Arrival {
  const way = random.uniform()
  const connectNs = Math.trunc(random.logNormal(22e6, 0.5))
  const base = {
    ...block,
    node,
    connectNs,
    udpPeer: random.pick(udpPeers),
    cmpctPeer: `peer=${random.integer(10, 40)}`,
    connectedAt: block.foundAt + random.logNormal(0.3, 0.5),
    headerChunkUs: [inventUs(random), inventUs(random), inventUs(random), inventUs(random)] as const,
  }
  if (way < fibre) return { ...base, ...wonByFibre(random, connectNs), winner: 'FIBRE/UDP', sent: true }
  if (way < fibre + compact)
    return { ...base, ...wonByCompactBlock(random, connectNs), winner: 'BIP152/CMPCTBLOCK', sent: random.chance(0.8) }
  const sent = way < fibre + compact + mined || random.chance(0.6)
  return { ...base, winner: undefined, udpNs: -1, cmpctNs: -1, reconstruction: undefined, headerChunkUs: undefined, sent }
}

const inventUs = (random: Random) => Math.trunc(random.logNormal(12, 0.8))

function wonByFibre(random: Random, connectNs: number) {
  const reconstruction = reconstruct(random)
  const udpNs = Math.trunc(reconstruction.durationUs * 1000 + random.uniform(0.4e6, 2.5e6) + connectNs)
  const headStartNs = Math.trunc(random.chance(0.12) ? -random.uniform(0.1e6, 6e6) : random.logNormal(24e6, 1))
  // A start after the block is connected is never seen.
  return { reconstruction, udpNs, cmpctNs: headStartNs < udpNs ? udpNs - headStartNs : -1 }
}

function wonByCompactBlock(random: Random, connectNs: number) {
  const cmpctNs = Math.trunc(random.logNormal(4e6, 0.6) + (random.chance(0.5) ? random.uniform(20e6, 80e6) : 0) + connectNs)
  const headStartNs = Math.trunc(random.chance(0.75) ? random.uniform(0.2e6, 40e6) : -random.logNormal(40e6, 1))
  const udpNs = random.chance(0.8) && cmpctNs + headStartNs > 0 ? cmpctNs + headStartNs : -1
  return { cmpctNs, udpNs, reconstruction: undefined }
}

function reconstruct(random: Random): Reconstruction {
  const slow = random.chance(0.05)
  const missing = random.chance(0.45) ? 0 : Math.min(1000, Math.trunc(random.logNormal(8, 1)))
  const missingBytes = missing * random.integer(220, 900)
  const chunksUsed = 1 + Math.trunc(missingBytes / 1152) + random.integer(0, slow ? 900 : 40)
  return {
    durationUs: Math.trunc(slow ? random.uniform(60e3, 900e3) : random.logNormal(9000, 0.6)),
    chunksUsed,
    chunksReceived: chunksUsed + random.integer(0, 60),
    peers: random.integer(1, 4),
    missing,
    missingBytes,
  }
}
