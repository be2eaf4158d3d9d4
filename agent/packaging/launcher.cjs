#!/usr/bin/env -S node --max-semi-space-size=2 --heap-growing-percent=60 --single-threaded-gc --invocation-count-for-maglev=2000 --invocation-count-for-turbofan=300000 --no-memory-reducer --expose-gc --disable-sigusr1
// By measurement: the small nursery and a heap that grows little before it is collected save 10 MB with 10,000 events at 1,000 a second and 40 MB
// at 100,000 a second, for events are soon gone and V8 would give them much room; one that grows even less, by 20 %, costs 30 ms of CPU time of the
// former and saves nothing. A collector of one thread saves 20 ms of that, and the agent waits for no other thread where a busy node takes the
// processor: 2 % of 10,000 events a second were recorded 5 to 25 ms late for it, and a scrape's p99 was 9 ms instead of 5. It costs 50 MB at
// 100,000 events a second. Optimizing only what runs for long saves 60 ms and 12 MB; what 100,000 events a second run is optimized all the same.
// The collector is exposed for memory.ts, which gives back what a burst has left; V8's own way to do so takes two thirds of an idle agent's CPU time.
// SIGUSR1 would open Node.js's debugger to every local user; a listener comes too late, since Node.js obeys the signal some 20 ms before it
// runs a first statement. Versions older than 22.14 do not know that option and end with "bad option".

process.on('SIGHUP', () => {}) // one that comes while the bundle is loaded has nothing to reread yet, and ends nothing

// Runs the bundle beside it with the code that V8 compiled of it when it was built, which saves a fifth of the start's CPU time.
// Another version of Node.js does not take that code, and compiles its own.
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { Script } = require('node:vm')

const filename = join(__dirname, 'main.cjs')
const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData: readIfThere(`${filename}.cache`) })
script.runInThisContext()({}, require, { exports: {} }, filename, __dirname)

function readIfThere(path) {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}
