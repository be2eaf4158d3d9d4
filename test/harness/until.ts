import { setTimeout } from 'node:timers/promises'

/** Waits until a condition holds, looking every few ms; fails, naming what it waited for, after the deadline. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    await setTimeout(5)
  }
}
