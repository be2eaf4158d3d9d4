// Attaches to a process through perf events, as kernels before 6.6 have it, and prints the state of each tracepoint.
import { readProcess } from '../../agent/bitcoind/proc/proc.ts'
import { openEbpf } from '../../agent/sources/ebpf/ebpf.ts'
import { forms } from '../../agent/sources/ebpf/program/program.ts'
import { tracepoints } from '../../agent/tracepoints/index.ts'
import { silentLog } from '../harness/captured-log.ts'
import { image } from '../harness/listening.ts'

const source = openEbpf({ image, ringSize: 256 << 10, tracepoints, log: silentLog, forms: forms.filter(({ multi }) => !multi) })
const target = readProcess('/proc', Number(process.argv[2]))
if (target === undefined) throw new Error('there is no such process')
console.log(JSON.stringify(source.attach({ ...target, node: 'n' }).probes))
process.exit()
