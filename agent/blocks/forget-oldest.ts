/** Takes out what was put in first. */
export function forgetOldest(memory: Map<string, unknown> | Set<string>): void {
  for (const oldest of memory.keys()) {
    memory.delete(oldest)
    return
  }
}
