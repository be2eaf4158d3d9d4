import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { RingReader } from '../../../../../agent/sources/ebpf/ring/ring-reader.ts'
import { temporaryDirectory } from '../../../../harness/temporary.ts'
import { until } from '../../../../harness/until.ts'

/**
 * A ring that wakes its reader as the kernel program does, through a FIFO; a byte stands for a wake-up. `late`: records that were
 * begun while the reader came by itself, and are written when it does no longer.
 */
function openRing() {
  const path = join(temporaryDirectory(), 'wake-ups')
  spawnSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const ring = { written: 0, read: 0, drains: 0, isDraining: false, late: 0 }
  const reader = new RingReader({
    fd,
    ring,
    drain(most) {
      const count = Math.min(most, ring.written - ring.read)
      ring.read += count
      ring.drains++
      if (ring.read === ring.written) takeWakeups(fd) // else it stays readable
      return count
    },
    setDraining(isDraining) {
      ring.isDraining = isDraining
      if (!isDraining) ring.written += ring.late
    },
  })
  onTestFinished(() => {
    reader.close()
    closeSync(fd)
  })
  const write = (count: number) => {
    const isAsleep = ring.written === ring.read
    ring.written += count
    if (isAsleep && !ring.isDraining) writeSync(fd, '.')
  }
  return { ring, reader, write, wake: () => writeSync(fd, '.'), isRead: () => ring.read === ring.written }
}

function takeWakeups(fd: number): void {
  try {
    readSync(fd, Buffer.alloc(4096))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
  }
}

/** Writes records one by one, each once the one before was read, until the reader comes by itself. */
async function load({ ring, write, isRead }: ReturnType<typeof openRing>): Promise<number> {
  for (let records = 1; ; records++) {
    write(1)
    if (ring.isDraining) return records
    while (!isRead() && !ring.isDraining) await new Promise(setImmediate)
  }
}

it('is woken for each record of a block', async () => {
  const { ring, write, isRead } = openRing()
  for (let record = 1; record <= 22; record++) {
    write(1)
    await until(isRead, `record ${record}`)
  }
  expect(ring.drains).toBe(22)
  expect(ring.isDraining).toBe(false)
})

it('comes by itself under a load, and is woken again once that is over', async () => {
  const opened = openRing()
  const { ring, write, isRead } = opened
  await load(opened)
  await until(isRead, 'what the load left')
  const before = ring.drains
  for (let record = 0; record < 100; record++) {
    write(1)
    await sleep(1)
  }
  await until(isRead, 'records that wake nobody')
  expect(ring.drains - before).toBeLessThan(50)
  await until(() => !ring.isDraining, 'the load to be over')
  write(1)
  await until(isRead, 'a lone record')
})

it('reads what was begun just before it has to be woken again, which wakes nobody', async () => {
  const opened = openRing()
  const { ring, isRead } = opened
  await load(opened)
  ring.late = 3
  await until(() => !ring.isDraining && isRead(), 'late records')
})

it('drains at once when it is woken under a load: the ring is filling up', async () => {
  const opened = openRing()
  const { ring, write, wake, isRead } = opened
  await load(opened)
  await until(isRead, 'what the load left')
  const before = performance.now()
  write(10)
  wake()
  while (!isRead()) await new Promise(setImmediate)
  expect(ring.isDraining).toBe(true)
  expect(performance.now() - before).toBeLessThan(40)
})

it('reads more than a batch, by drain all that the ring holds', async () => {
  const { ring, reader, write, isRead } = openRing()
  write(1000)
  await until(isRead, '1,000 records')
  write(1000)
  reader.drain()
  expect(ring.read).toBe(2000)
})

it('reads nothing once it is closed', async () => {
  const { ring, reader, write } = openRing()
  write(1)
  reader.close()
  await sleep(20)
  expect(ring.read).toBe(0)
})

it('lets other work have its turn between two batches, however many records there are', async () => {
  const { ring, write } = openRing()
  write(1_000_000)
  for (let turn = 0; turn < 50; turn++) {
    const before = ring.drains
    await new Promise(setImmediate)
    expect(ring.drains - before).toBeLessThanOrEqual(2)
  }
})
