import { attachMulti } from '../../agent/sources/ebpf/attach/kernel-link.ts'
import { readNotes } from '../../agent/sources/ebpf/binary/notes.ts'
import { openProgram } from '../../agent/sources/ebpf/program/program.ts'
import { attachable, type DemoNode } from '../demo-node/demo-node.ts'
import { silentLog } from '../harness/captured-log.ts'
import { image } from '../harness/listening.ts'

/**
 * A tracer in this process that has set its breakpoints before the agent and does not have the kernel count it in the
 * semaphores: BCC raises those itself.
 */
export class OtherTracer implements AsyncDisposable {
  readonly #program = openProgram({ image, ringSize: 256 << 10, log: silentLog })
  readonly #link: ReturnType<typeof attachMulti>
  #closed: Promise<void> | undefined

  constructor({ pid }: DemoNode, held: readonly string[] = attachable) {
    const path = `/proc/${pid}/exe`
    const sites = readNotes(path).sites.filter(({ provider, name }) => held.includes(`${provider}:${name}`))
    const uncounted = sites.map(({ offset }) => ({ offset, semaphoreOffset: 0n, cookie: 0n }))
    this.#link = attachMulti(this.#program.programs.record_event, path, pid, uncounted)
  }

  close(): Promise<void> {
    this.#closed ??= this.#link.close().finally(() => this.#program.close())
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
