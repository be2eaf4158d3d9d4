/** What measuring takes of the kernel: time of its programs, and room in its ring and maps. */
export interface KernelUsage {
  readonly programs: readonly ProgramUsage[]
  readonly ring: {
    readonly sizeBytes: number
    readonly unreadBytes: number
    /** Most that a read of the ring has found since the start. */
    readonly mostUnreadBytes: number
  }
  readonly maps: readonly { readonly map: string; readonly entries: number; readonly maxEntries: number }[]
}

export interface ProgramUsage {
  readonly program: string
  /** Hits for which the kernel did not run the program, because it ran on that processor already. */
  readonly missed: number
  /** `undefined` while the kernel does not count them. */
  readonly runs: { readonly count: number; readonly seconds: number } | undefined
}
