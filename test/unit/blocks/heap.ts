import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Bytes that are held on the heap, without garbage. */
export function usedHeap(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}
