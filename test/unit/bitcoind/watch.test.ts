import { copyFileSync, existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { need } from '../../needs.ts'
import { eventually, forkOff, kill, nextLine, stage, start, watch } from './stage.ts'

const isRoot = process.getuid?.() === 0

describe('watching processes', () => {
  it('has told of what runs already when it resolves', async () => {
    const { install, path } = stage()
    const bitcoind = install('bitcoind')
    const node = await start(bitcoind, [`-datadir=${path('data')}`])
    const { told, watcher } = await watch({ bitcoind })
    expect(told).toEqual([`+ localhost ${node.pid}`])
    expect(watcher.targets()).toMatchObject([{ node: 'localhost', pid: node.pid, executable: bitcoind, dataDirectory: path('data') }])
  })

  it('finds a process named bitcoind when nothing is selected, and none named otherwise', async () => {
    const { install, path } = stage()
    const { seen } = await watch({})
    const other = await start(install('bitcoind-wallet'))
    // Other tests, or a real one, may run beside it: a name of its own keeps it from being refused.
    const node = await start(install('bitcoind'), [`-datadir=${path()}`])
    await eventually(() => expect(seen.map(({ pid }) => pid)).toContain(node.pid))
    expect(seen.map(({ pid }) => pid)).not.toContain(other.pid)
  })

  it('sees each of 20 ends and restarts at once, under one name', async () => {
    const { install } = stage()
    const bitcoind = install('bitcoind')
    let node = await start(bitcoind)
    const { told, watcher } = await watch({ bitcoind })
    const expected = [...told]
    for (let restart = 0; restart < 20; restart++) {
      const before = node.pid
      await kill(node)
      node = await start(bitcoind)
      expected.push(`- localhost ${before}`, `+ localhost ${node.pid}`)
      await eventually(() => expect(told).toEqual(expected), 600)
    }
    expect(watcher.targets()).toHaveLength(1)
  })

  it.each([
    ['is absent', undefined],
    [
      'cannot be had',
      () => {
        throw new Error('no pidfd')
      },
    ],
  ])('notices an end by the scan when the watch for exits %s', async (_, watchExit) => {
    const { install } = stage()
    const bitcoind = install('bitcoind')
    const node = await start(bitcoind)
    const { told } = await watch({ bitcoind }, { watchExit })
    await kill(node)
    await eventually(() => expect(told.at(-1)).toBe(`- localhost ${node.pid}`))
  })

  it('takes a process whose binary was replaced by rename, and then the new binary', async () => {
    const { install, path } = stage()
    const bitcoind = install('bitcoind')
    const old = await start(bitcoind)
    renameSync(install('bitcoind.new'), bitcoind)
    const { told, seen } = await watch({ bitcoind })
    expect(seen).toMatchObject([{ pid: old.pid, executable: path('bitcoind') }])
    await kill(old)
    const upgraded = await start(bitcoind)
    await eventually(() => expect(told.slice(1)).toEqual([`- localhost ${old.pid}`, `+ localhost ${upgraded.pid}`]))
    expect(seen[1]?.identity).not.toBe(seen[0]?.identity)
  })

  it('takes a binary that was overwritten in place while nothing ran', async () => {
    const { install, program } = stage()
    const bitcoind = install('bitcoind')
    const { told } = await watch({ bitcoind })
    copyFileSync(program, bitcoind)
    const node = await start(bitcoind)
    await eventually(() => expect(told).toEqual([`+ localhost ${node.pid}`]))
  })

  it('matches through a symbolic link', async () => {
    const { install, path } = stage()
    symlinkSync(install('bitcoin-30.0', 'bitcoind'), path('current'))
    const node = await start(path('bitcoin-30.0', 'bitcoind'))
    const { told } = await watch({ bitcoind: path('current') })
    expect(told).toEqual([`+ localhost ${node.pid}`])
  })

  it.each(['that is young', 'that was there before the agent'])('sees a wrapper %s turn into bitcoind', async (age) => {
    const { install } = stage()
    const bitcoind = install('bitcoind')
    const startWrapper = () => start('/bin/sh', ['-c', 'read go; exec "$0" -server', bitcoind])
    const early = age === 'that is young' ? undefined : await startWrapper()
    const { told, watcher } = await watch({ bitcoind })
    const wrapper = early ?? (await startWrapper())
    watcher.scan()
    expect(told).toEqual([])
    wrapper.stdin?.write('go\n')
    await eventually(() => expect(told).toEqual([`+ localhost ${wrapper.pid}`]))
  })

  it('takes an exec within one pid for an end and a beginning', async () => {
    const { install } = stage()
    const bitcoind = install('bitcoind')
    const node = await start(bitcoind, [], { env: { NEXT: install('next', 'bitcoind') } })
    const { told, seen } = await watch({ pid: node.pid })
    expect(await nextLine(node)).toBe('ready')
    node.kill('SIGUSR1')
    await eventually(() => expect(told.slice(1)).toEqual([`- localhost ${node.pid}`, `+ localhost ${node.pid}`]))
    expect(seen[0]?.executable).toBe(bitcoind)
    expect(seen[1]?.executable).toMatch(/next\/bitcoind$/)
  })

  it('takes a zombie for gone', async () => {
    const { install } = stage()
    const bitcoind = install('bitcoind')
    await start('/bin/sh', ['-c', '"$0" & exec sleep 1000', bitcoind])
    const { told, seen } = await watch({ bitcoind })
    await eventually(() => expect(seen).toHaveLength(1))
    const pid = seen[0]?.pid as number
    process.kill(pid, 'SIGKILL')
    await eventually(() => expect(told.at(-1)).toBe(`- localhost ${pid}`))
    expect(existsSync(`/proc/${pid}`)).toBe(true)
    expect((await watch({ bitcoind })).told).toEqual([])
  })

  it('follows a daemonising bitcoind to its child, without refusing either', async () => {
    const { install } = stage()
    const bitcoind = install('bitcoind')
    const launcher = await start(bitcoind)
    const { told, watcher } = await watch({ bitcoind })
    expect(await nextLine(launcher)).toBe('ready')
    const child = await forkOff(launcher)
    watcher.scan()
    expect(told).toEqual([`+ localhost ${launcher.pid}`])
    expect((await watch({ bitcoind })).told).toEqual([`+ localhost ${child}`])
    await kill(launcher)
    await eventually(() => expect(told.slice(1)).toEqual([`- localhost ${launcher.pid}`, `+ localhost ${child}`]), 600)
  })

  it('never takes itself for bitcoind', async () => {
    expect((await watch({ bitcoind: process.execPath })).told).toEqual([])
    expect((await watch({ pid: process.pid })).told).toEqual([])
  })

  it('watches one pid, whatever it runs and whatever else runs', async () => {
    const { install, path } = stage()
    await start(install('bitcoind'))
    const node = await start(install('node-23'), ['-datadir=data'], { cwd: path() })
    const { told, watcher } = await watch({ pid: node.pid })
    expect(watcher.targets()).toMatchObject([{ node: 'localhost', pid: node.pid, dataDirectory: path('data') }])
    await kill(node)
    await eventually(() => expect(told).toEqual([`+ localhost ${node.pid}`, `- localhost ${node.pid}`]))
  })

  it('keeps watching when a callback throws', async () => {
    const { install } = stage()
    const bitcoind = install('bitcoind')
    const node = await start(bitcoind)
    const { watcher, told, lines } = await watch({ bitcoind })
    told.push = () => {
      throw new Error('listener')
    }
    await kill(node)
    await eventually(() => expect(watcher.targets()).toEqual([]))
    const next = await start(bitcoind)
    await eventually(() => expect(watcher.targets()).toMatchObject([{ pid: next.pid }]))
    expect(lines.map(({ msg }) => msg)).toContain('a listener to process events failed')
  })

  it('tells nothing after it is closed', async () => {
    const { install } = stage()
    const bitcoind = install('bitcoind')
    const { told, watcher } = await watch({ bitcoind })
    const other = await watch({ bitcoind })
    watcher.close()
    await start(bitcoind)
    await eventually(() => expect(other.told).toHaveLength(1))
    watcher.scan()
    expect(told).toEqual([])
  })
})

describe('several nodes', () => {
  it('names them by their data directories, and leaves the other alone when one restarts', async () => {
    const { install, path } = stage()
    const bitcoind = install('bitcoind')
    const a = await start(bitcoind, [`-datadir=${path('a')}`])
    const b = await start(bitcoind, ['--datadir', path('b')])
    const { told } = await watch({ bitcoind, nodeName: 'relay' })
    await kill(a)
    const again = await start(bitcoind, [`-datadir=${path('a')}`])
    await eventually(() =>
      expect(told).toEqual([`+ relay/a ${a.pid}`, `+ relay/b ${b.pid}`, `- relay/a ${a.pid}`, `+ relay/a ${again.pid}`]),
    )
  })

  it('names them as told, by executable or data directory, and takes no unnamed one beside them', async () => {
    const { install, path } = stage()
    const bitcoind = install('bitcoind')
    mkdirSync(path('data', 'west'), { recursive: true })
    symlinkSync(path('data', 'west'), path('west'))
    const east = await start(install('east', 'fibred'), ['-datadir=/srv/east'])
    const west = await start(bitcoind, [`-datadir=${path('data', 'west')}`])
    await start(bitcoind, ['-datadir=/srv/other'])
    const nodes = [
      { name: 'east', path: path('east', 'fibred') },
      { name: 'west', path: path('west') },
    ]
    const { told } = await watch({ nodes })
    expect(told.sort()).toEqual([`+ east ${east.pid}`, `+ west ${west.pid}`])
    const both = await watch({ nodes, bitcoind })
    expect(both.seen.map(({ node }) => node).sort()).toEqual(['east', 'localhost', 'west'])
  })

  it('refuses a second live target of one name, tells it once, and takes it when the first is gone', async () => {
    const { install, path } = stage()
    const bitcoind = install('bitcoind')
    const first = await start(bitcoind, [`-datadir=${path('a')}`])
    const second = await start(bitcoind, [`-datadir=${path('b')}`])
    const { told, watcher } = await watch({ nodes: [{ name: 'east', path: bitcoind }] })
    watcher.scan()
    expect(told).toEqual([`+ east ${first.pid}`, expect.stringContaining(`refused east ${second.pid}: `)])
    expect(told[1]).toContain('--node NAME=DATA-DIRECTORY')
    await kill(first)
    await eventually(() => expect(told.slice(2)).toEqual([`- east ${first.pid}`, `+ east ${second.pid}`]), 600)
  })
})

describe('namespaces and privileges', () => {
  it('finds bitcoind in another mount and pid namespace, by its path there or by its inode here', async (context) => {
    need(context, isRoot, 'needs root for a mount namespace')
    const { install, path, program } = stage()
    const here = install('bitcoind')
    mkdirSync(path('container'))
    writeFileSync(path('bound'), '')
    const enter = (script: string) =>
      start('unshare', [
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        '/bin/sh',
        '-c',
        script,
        path('container'),
        program,
        here,
        path('bound'),
      ])
    await enter('mount -t tmpfs tmpfs "$0" && cp "$1" "$0/bitcoind" && exec "$0/bitcoind"')
    await enter('mount --bind "$2" "$3" && exec "$3"')
    const inside = path('container', 'bitcoind')
    const there = await watch({ bitcoind: inside })
    const bound = await watch({ bitcoind: here })
    await eventually(() => expect([there.seen, bound.seen]).toMatchObject([[{ executable: inside }], [{ executable: path('bound') }]]))
    expect(existsSync(inside)).toBe(false)
  })

  it('tells once of a bitcoind whose executable it may not read', async (context) => {
    need(context, isRoot, 'needs root to become another user')
    const { install } = stage()
    const bitcoind = install('hidden')
    const early = await start(bitcoind)
    onTestFinished(() => process.seteuid?.(0))
    process.seteuid?.(65534)
    const { told, watcher } = await watch({ bitcoind })
    process.seteuid?.(0)
    const late = await start(bitcoind)
    process.seteuid?.(65534)
    for (let scans = 0; scans < 3; scans++) watcher.scan()
    expect(told).toEqual(
      [early, late].map(
        ({ pid }) => `unreadable ${pid}: cannot read /proc/${pid}/exe (EACCES): run the agent as the user of bitcoind or as root`,
      ),
    )
  })
})

describe('paths that cannot be used', () => {
  it.each([
    ['missing', 'it does not exist; waiting until it does'],
    ['directory', 'it is a directory: name the executable in it'],
    ['plain', 'it is not executable for the user of this agent'],
  ])('warns once of a %s one', async (file, reason) => {
    const { path } = stage()
    mkdirSync(path('directory'))
    writeFileSync(path('plain'), '', { mode: 0o644 })
    const { warnings, watcher } = await watch({ bitcoind: path(file) })
    watcher.scan()
    expect(warnings()).toMatchObject([{ path: path(file), msg: `cannot use this bitcoind: ${reason}` }])
  })

  it('waits for a bitcoind that is installed later', async () => {
    const { install, path } = stage()
    const { told, warnings } = await watch({ bitcoind: path('later', 'bitcoind') })
    expect(warnings()).toHaveLength(1)
    const node = await start(install('later', 'bitcoind'))
    await eventually(() => expect(told).toEqual([`+ localhost ${node.pid}`]))
  })

  it('warns of a pid that does not exist, and of one that runs something else than the given bitcoind', async () => {
    const { install } = stage()
    const [bitcoind, other] = [install('bitcoind'), install('other')]
    const node = await start(other)
    expect((await watch({ pid: 4_194_304 })).warnings()).toMatchObject([{ msg: 'there is no process with this pid; waiting for it' }])
    const { told, warnings } = await watch({ pid: node.pid, bitcoind })
    expect(told).toEqual([`+ localhost ${node.pid}`])
    expect(warnings()).toMatchObject([{ executable: other, path: bitcoind }])
  })
})
