import { availableParallelism, cpus, loadavg, release } from 'node:os'

/** Others take so much of the machine that figures suffer. */
const BUSY_LOAD = 1.5

export interface MachineFacts {
  readonly cores: number
  readonly cpu: string
  readonly kernel: string
  readonly node: string
  /** Mean of the last minute before the bench began. */
  readonly loadAverage: number
}

export function readMachine(): MachineFacts {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    kernel: release(),
    node: process.version,
    loadAverage: loadavg()[0] ?? Number.NaN,
  }
}

export function warningOf({ loadAverage }: MachineFacts): string | undefined {
  if (loadAverage <= BUSY_LOAD) return undefined
  return `the load average was ${loadAverage.toFixed(2)} at the start: other work on this machine makes these figures worse than they are`
}
