import { type ChildProcess, execFileSync } from 'node:child_process'
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { need } from '../../harness/needs.ts'
import { eventually, forkOff, killProcess, nextLine, ownProc, pausingProgram, startProcess, watch } from './processes.ts'

const isRoot = process.getuid?.() === 0

describe('watching processes', () => {
  it('has told of what runs already when it resolves', async () => {
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    const node = await startProcess(bitcoind, [`-datadir=${path('data')}`])
    const { told, watcher } = await watch({ bitcoind })
    expect(told).toEqual([`+ localhost ${node.pid}`])
    expect(watcher.targets()).toMatchObject([{ node: 'localhost', pid: node.pid, executable: bitcoind, dataDirectory: path('data') }])
  })

  it('finds a process named bitcoind when nothing is selected, and none named otherwise', async () => {
    const { install, path } = pausingProgram()
    const { seen } = await watch({})
    const other = await startProcess(install('bitcoind-wallet'))
    // Other tests, or a real one, may run beside it: a name of its own keeps it from being refused.
    const node = await startProcess(install('bitcoind'), [`-datadir=${path()}`])
    await eventually(() => expect(seen.map(({ pid }) => pid)).toContain(node.pid))
    expect(seen.map(({ pid }) => pid)).not.toContain(other.pid)
  })

  it('finds bitcoin-qt and wrapped names, a program with a window only where it carries the tracepoints', async () => {
    const { install, path } = pausingProgram()
    const read: string[] = []
    const offersTracepoints = (executable: string) => {
      read.push(executable)
      return readlinkSync(executable).endsWith('bitcoin-qt-wrapped')
    }
    const { seen, watcher } = await watch({}, { offersTracepoints })
    const start = (name: string) => startProcess(install(name, name), [`-datadir=${path(name)}`])
    const [gui, qt, node] = [await start('bitcoin-gui'), await start('.bitcoin-qt-wrapped'), await start('.bitcoin-node-wrapped')]
    await eventually(() => expect(seen.map(({ pid }) => pid)).toEqual(expect.arrayContaining([qt.pid, node.pid])))
    watcher.scan()
    expect(seen.map(({ pid }) => pid)).not.toContain(gui.pid)
    expect(read.filter((one) => one === `/proc/${gui.pid}/exe`)).toHaveLength(1)
  })

  it('sees each of 20 ends and restarts at once, under one name', async () => {
    const { install } = pausingProgram()
    const bitcoind = install('bitcoind')
    let node = await startProcess(bitcoind)
    const { told, watcher } = await watch({ bitcoind })
    const expected = [...told]
    for (let restart = 0; restart < 20; restart++) {
      const before = node.pid
      await killProcess(node)
      node = await startProcess(bitcoind)
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
    const { install } = pausingProgram()
    const bitcoind = install('bitcoind')
    const node = await startProcess(bitcoind)
    const { told } = await watch({ bitcoind }, { watchExit })
    await killProcess(node)
    await eventually(() => expect(told.at(-1)).toBe(`- localhost ${node.pid}`))
  })

  it('takes a process whose binary was replaced by rename, and then the new binary', async () => {
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    const old = await startProcess(bitcoind)
    renameSync(install('bitcoind.new'), bitcoind)
    const { told, seen } = await watch({ bitcoind })
    expect(seen).toMatchObject([{ pid: old.pid, executable: path('bitcoind') }])
    await killProcess(old)
    const upgraded = await startProcess(bitcoind)
    await eventually(() => expect(told.slice(1)).toEqual([`- localhost ${old.pid}`, `+ localhost ${upgraded.pid}`]))
    expect(seen[1]?.identity).not.toBe(seen[0]?.identity)
  })

  it('takes a binary that was overwritten in place while nothing ran', async () => {
    const { install, program } = pausingProgram()
    const bitcoind = install('bitcoind')
    const { told } = await watch({ bitcoind })
    copyFileSync(program, bitcoind)
    const node = await startProcess(bitcoind)
    await eventually(() => expect(told).toEqual([`+ localhost ${node.pid}`]))
  })

  it('matches through a symbolic link', async () => {
    const { install, path } = pausingProgram()
    symlinkSync(install('bitcoin-30.0', 'bitcoind'), path('current'))
    const node = await startProcess(path('bitcoin-30.0', 'bitcoind'))
    const { told } = await watch({ bitcoind: path('current') })
    expect(told).toEqual([`+ localhost ${node.pid}`])
  })

  it.each(['that is young', 'that was there before the agent'])('sees a wrapper %s turn into bitcoind', async (age) => {
    const { install } = pausingProgram()
    const bitcoind = install('bitcoind')
    const startWrapper = () => startProcess('/bin/sh', ['-c', 'read go; exec "$0" -server', bitcoind])
    const early = age === 'that is young' ? undefined : await startWrapper()
    const { told, watcher } = await watch({ bitcoind })
    const wrapper = early ?? (await startWrapper())
    watcher.scan()
    expect(told).toEqual([])
    wrapper.stdin?.write('go\n')
    await eventually(() => expect(told).toEqual([`+ localhost ${wrapper.pid}`]))
  })

  it('takes an exec within one pid for an end and a beginning', async () => {
    const { install } = pausingProgram()
    const bitcoind = install('bitcoind')
    const node = await startProcess(bitcoind, [], { env: { NEXT: install('next', 'bitcoind') } })
    const { told, seen } = await watch({ pid: node.pid })
    expect(await nextLine(node)).toBe('ready')
    node.kill('SIGUSR1')
    await eventually(() => expect(told.slice(1)).toEqual([`- localhost ${node.pid}`, `+ localhost ${node.pid}`]))
    expect(seen[0]?.executable).toBe(bitcoind)
    expect(seen[1]?.executable).toMatch(/next\/bitcoind$/)
  })

  it('takes a zombie for gone', async () => {
    const { install } = pausingProgram()
    const bitcoind = install('bitcoind')
    await startProcess('/bin/sh', ['-c', '"$0" & exec sleep 1000', bitcoind])
    const { told, seen } = await watch({ bitcoind })
    await eventually(() => expect(seen).toHaveLength(1))
    const pid = seen[0]?.pid as number
    process.kill(pid, 'SIGKILL')
    await eventually(() => expect(told.at(-1)).toBe(`- localhost ${pid}`))
    expect(existsSync(`/proc/${pid}`)).toBe(true)
    expect((await watch({ bitcoind })).told).toEqual([])
  })

  it('follows a daemonising bitcoind to its child, without refusing either', async () => {
    const { install } = pausingProgram()
    const bitcoind = install('bitcoind')
    const launcher = await startProcess(bitcoind)
    const { told, watcher } = await watch({ bitcoind })
    expect(await nextLine(launcher)).toBe('ready')
    const child = await forkOff(launcher)
    watcher.scan()
    expect(told).toEqual([`+ localhost ${launcher.pid}`])
    expect((await watch({ bitcoind })).told).toEqual([`+ localhost ${child}`])
    await killProcess(launcher)
    await eventually(() => expect(told.slice(1)).toEqual([`- localhost ${launcher.pid}`, `+ localhost ${child}`]), 600)
  })

  it('never takes itself for bitcoind', async () => {
    expect((await watch({ bitcoind: process.execPath })).told).toEqual([])
    expect((await watch({ pid: process.pid })).told).toEqual([])
  })

  it('watches one pid, whatever it runs and whatever else runs', async () => {
    const { install, path } = pausingProgram()
    await startProcess(install('bitcoind'))
    const node = await startProcess(install('node-23'), ['-datadir=data'], { cwd: path() })
    const { told, watcher } = await watch({ pid: node.pid })
    expect(watcher.targets()).toMatchObject([{ node: 'localhost', pid: node.pid, dataDirectory: path('data') }])
    await killProcess(node)
    await eventually(() => expect(told).toEqual([`+ localhost ${node.pid}`, `- localhost ${node.pid}`]))
  })

  it('keeps watching when a callback throws', async () => {
    const { install } = pausingProgram()
    const bitcoind = install('bitcoind')
    const node = await startProcess(bitcoind)
    const { watcher, told, lines } = await watch({ bitcoind })
    told.push = () => {
      throw new Error('listener')
    }
    await killProcess(node)
    await eventually(() => expect(watcher.targets()).toEqual([]))
    const next = await startProcess(bitcoind)
    await eventually(() => expect(watcher.targets()).toMatchObject([{ pid: next.pid }]))
    expect(lines.map(({ msg }) => msg)).toContain('a listener to process events failed')
  })

  it('tells nothing after it is closed', async () => {
    const { install } = pausingProgram()
    const bitcoind = install('bitcoind')
    const { told, watcher } = await watch({ bitcoind })
    const other = await watch({ bitcoind })
    watcher.close()
    await startProcess(bitcoind)
    await eventually(() => expect(other.told).toHaveLength(1))
    watcher.scan()
    expect(told).toEqual([])
  })
})

describe('several nodes', () => {
  it('names them by their data directories, and leaves the other alone when one restarts', async () => {
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    const a = await startProcess(bitcoind, [`-datadir=${path('a')}`])
    const b = await startProcess(bitcoind, ['--datadir', path('b')])
    const { told } = await watch({ bitcoind, nodeName: 'relay' })
    await killProcess(a)
    const again = await startProcess(bitcoind, [`-datadir=${path('a')}`])
    await eventually(() => expect(told).toEqual([`+ relay ${a.pid}`, `+ relay/b ${b.pid}`, `- relay ${a.pid}`, `+ relay ${again.pid}`]))
  })

  it('names them as told, by executable or data directory, and takes no unnamed one beside them', async () => {
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    mkdirSync(path('data', 'west'), { recursive: true })
    symlinkSync(path('data', 'west'), path('west'))
    const east = await startProcess(install('east', 'fibred'), ['-datadir=/srv/east'])
    const west = await startProcess(bitcoind, [`-datadir=${path('data', 'west')}`])
    await startProcess(bitcoind, ['-datadir=/srv/other'])
    const nodes = [
      { name: 'east', path: path('east', 'fibred') },
      { name: 'west', path: path('west') },
    ]
    const { told } = await watch({ nodes })
    expect(told.sort()).toEqual([`+ east ${east.pid}`, `+ west ${west.pid}`])
    const both = await watch({ nodes, bitcoind })
    expect(both.seen.map(({ node }) => node).sort()).toEqual(['east', 'localhost', 'west'])
  })

  it('makes every named node known before it is seen', async () => {
    const nodes = ['east', 'west'].map((name) => ({ name, path: `/srv/${name}` }))
    expect((await watch({ nodes })).expected).toEqual(['east', 'west'])
    expect((await watch({ bitcoind: '/srv/bitcoind' })).expected).toEqual(['localhost'])
  })

  it('leaves no node behind that was only expected when two start at once', async () => {
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    const { seen, expected } = await watch({ bitcoind })
    await Promise.all(['a', 'b'].map((directory) => startProcess(bitcoind, [`-datadir=${path(directory)}`])))
    await eventually(() => expect(seen).toHaveLength(2))
    expect(seen.map(({ node, dataDirectory }) => `${node} ${dataDirectory}`).sort()).toEqual([
      `localhost ${path('a')}`,
      `localhost/b ${path('b')}`,
    ])
    expect(expected).toEqual(['localhost'])
  })

  it('refuses a process with the name of another, says so, and never hands the name on to it', async () => {
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    const first = await startProcess(bitcoind, [`-datadir=${path('a')}`])
    const second = await startProcess(bitcoind, [`-datadir=${path('b')}`])
    const { told, watcher, findings, warnings } = await watch({ nodes: [{ name: 'east', path: bitcoind }] })
    watcher.scan()
    expect(findings()).toEqual([
      expect.stringMatching(`^pid ${second.pid} .*is not measured: node east has its data in ${path('a')}; .*--node NAME=DATA-DIRECTORY`),
    ])
    expect(warnings()).toMatchObject([{ pid: second.pid, msg: findings()[0] }])
    await killProcess(first)
    await eventually(() => expect(told).toEqual([`+ east ${first.pid}`, `- east ${first.pid}`]), 600)
    const again = await startProcess(bitcoind, [`-datadir=${path('a')}`])
    await eventually(() => expect(told.at(-1)).toBe(`+ east ${again.pid}`))
    await killProcess(second)
    watcher.scan()
    expect(findings()).toEqual([])
  })

  it('takes a process in that comes before the end of the one before it was seen', async () => {
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    const nodes = ['a', 'b'].map((name) => ({ name, path: path(name) })) // while b is missing, processes are looked for more often than ends
    let last = await startProcess(bitcoind, [`-datadir=${path('a')}`])
    mkdirSync(path('b'))
    const { told, findings } = await watch({ nodes }, { watchExit: undefined })
    for (let restart = 0; restart < 3; restart++) {
      await killProcess(last)
      last = await startProcess(bitcoind, [`-datadir=${path('a')}`])
      await eventually(() => expect(told.slice(-2)).toEqual([expect.stringMatching('^- a '), `+ a ${last.pid}`]))
    }
    expect(findings()).toEqual([])
  })

  it('measures every chain of a data directory, as command line and configuration file choose it', async () => {
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    mkdirSync(path('data', 'signet'), { recursive: true })
    writeFileSync(path('data', 'bitcoin.conf'), 'server=1\n')
    writeFileSync(path('elsewhere.conf'), `testnet4=1 # the chain\n[testnet4]\ndatadir=${path('data')}\n`)
    for (const words of [[], ['-signet'], ['-chain=regtest', '-nosignet']])
      await startProcess(bitcoind, [`-datadir=${path('data')}`, ...words])
    await startProcess(bitcoind, [`-conf=${path('elsewhere.conf')}`])
    const { seen } = await watch({ bitcoind, nodes: [{ name: 'east', path: path('data', 'signet') }] })
    const found = Object.fromEntries(seen.map(({ chainDirectory, node }) => [chainDirectory, node]))
    expect(found).toMatchObject({ [path('data')]: 'localhost', [path('data', 'signet')]: 'east' })
    expect(Object.keys(found).sort()).toEqual(['', 'regtest', 'signet', 'testnet4'].map((chain) => path('data', chain).replace(/\/$/, '')))
    expect(seen.every(({ dataDirectory }) => dataDirectory === path('data'))).toBe(true)
  })

  it('goes by the lock that a process has open, whatever it says', async () => {
    const { install, path } = pausingProgram()
    mkdirSync(path('real', 'signet'), { recursive: true })
    const lock = openSync(path('real', 'signet', '.lock'), 'w')
    const node = await startProcess(install('bitcoind'), ['-datadir=/srv/told'], { stdio: ['pipe', 'pipe', 'inherit', lock] })
    closeSync(lock)
    const { seen } = await watch({ pid: node.pid })
    expect(seen).toMatchObject([{ chainDirectory: path('real', 'signet'), dataDirectory: path('real') }])
  })

  it('knows 128 nodes at most, says what it leaves out, and forgets the unnamed that ended first', async () => {
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    const { told, watcher, findings } = await watch({ bitcoind }, { watchExit: undefined })
    const nodes: ChildProcess[] = []
    for (let i = 0; i < 129; i++) nodes.push(await startProcess(bitcoind, [`-datadir=${path(`${i}`)}`]))
    await eventually(() => expect(findings()).toEqual([expect.stringContaining('128 nodes are, which is the most')]), 10_000)
    expect(watcher.targets()).toHaveLength(128)
    await killProcess(nodes[1] as ChildProcess)
    await eventually(
      () =>
        expect(told.slice(128)).toEqual([
          expect.stringMatching(/^- /),
          expect.stringMatching(/^forgotten /),
          expect.stringMatching(/^\+ /),
        ]),
      10_000,
    )
    expect(findings()).toEqual([])
  }, 60_000)

  it('forgets an unnamed node that ended, after the time that is set, and never a named one', async () => {
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    const children = []
    for (const directory of ['east', 'a', 'b']) children.push(await startProcess(bitcoind, [`-datadir=${path(directory)}`]))
    const { told, watcher } = await watch({ bitcoind, nodes: [{ name: 'east', path: path('east') }] }, { forgetAfterMs: 1 })
    await Promise.all([children[0], children[2]].map((child) => killProcess(child as ChildProcess)))
    await eventually(() => expect(told).toContain('forgotten localhost/b'))
    watcher.scan()
    expect(told.filter((line) => line.startsWith('forgotten'))).toEqual(['forgotten localhost/b'])
  })
})

describe('namespaces and privileges', () => {
  it('finds bitcoind in another mount and pid namespace, by its path there or by its inode here', async (context) => {
    need(context, isRoot, 'needs root for a mount namespace')
    const { install, path, program } = pausingProgram()
    const here = install('bitcoind')
    mkdirSync(path('container'))
    writeFileSync(path('bound'), '')
    const enter = (script: string) =>
      startProcess('unshare', [
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

  it('tells two containers with the same paths apart', async (context) => {
    need(context, isRoot, 'needs root for a mount namespace')
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    mkdirSync(path('data'))
    const { seen } = await watch({ bitcoind })
    const script = 'mount -t tmpfs none "$0" && exec "$1" -datadir="$0"'
    for (const _ of ['one', 'two']) await startProcess('unshare', ['--mount', 'sh', '-c', script, path('data'), bitcoind])
    await eventually(() => expect(seen).toHaveLength(2))
    expect(seen.map(({ chainDirectory }) => chainDirectory)).toEqual([path('data'), path('data')])
    expect(seen.map(({ node }) => node).sort()).toEqual(['localhost', 'localhost/data'])
  })

  it('gives nobody the place of a given path who only mounted something there', async (context) => {
    need(context, isRoot, 'needs root to become another user')
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    const other = install('other')
    execFileSync('chmod', ['755', path()])
    const script = 'mount --bind "$1" "$0" && exec "$0"'
    const squatter = await startProcess('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', script, bitcoind, other], {
      uid: 65534,
      gid: 65534,
    })
    await eventually(() => expect(readlinkSync(`/proc/${squatter.pid}/exe`)).toBe(bitcoind))
    const { told, watcher } = await watch({ bitcoind })
    watcher.scan()
    expect(told).toEqual([])
    const node = await startProcess(bitcoind)
    await eventually(() => expect(told).toEqual([`+ localhost ${node.pid}`]))
  })

  it('measures only processes of the users that are given, and says whose it leaves out', async (context) => {
    need(context, isRoot, 'needs root to become another user')
    const { install, path } = pausingProgram()
    const bitcoind = install('bitcoind')
    execFileSync('chmod', ['755', path()])
    const other = await startProcess(bitcoind, [`-datadir=${path('a')}`], { uid: 65534, gid: 65534 })
    const { told, findings } = await watch({ bitcoind, users: new Set([0]) })
    expect(told).toEqual([])
    expect(findings()).toEqual([`pid ${other.pid} runs ${bitcoind} as user 65534, whom --users leaves out`])
    const node = await startProcess(bitcoind, [`-datadir=${path('a')}`])
    await eventually(() => expect(told).toEqual([`+ localhost ${node.pid}`]))
  })

  it('tells once of a bitcoind whose executable it may not read, and of none of its threads', async (context) => {
    need(context, isRoot, 'needs root to become another user')
    const { install } = pausingProgram()
    const bitcoind = install('hidden')
    const early = await startProcess(bitcoind)
    onTestFinished(() => process.seteuid?.(0))
    process.seteuid?.(65534)
    const { findings, watcher, warnings } = await watch({ bitcoind })
    process.seteuid?.(0)
    const late = await startProcess(bitcoind, [], { env: { THREAD: '1' } })
    await nextLine(late)
    process.seteuid?.(65534)
    for (let scans = 0; scans < 3; scans++) watcher.scan()
    const reason = (pid: number) =>
      `cannot read /proc/${pid}/exe (EACCES): run the agent as the user of bitcoind or as root, or leave this one out with --users`
    expect(findings()).toEqual([reason(early.pid), reason(late.pid)])
    expect(warnings().map(({ msg }) => msg)).toEqual(findings())
    await killProcess(early)
    watcher.scan()
    expect(findings()).toEqual([reason(late.pid)])
  })
})

describe('paths that cannot be used', () => {
  it.each([
    ['missing', (path: string) => `${path} does not exist`],
    ['directory', (path: string) => `${path} is a directory: name the executable in it`],
    ['plain', (path: string) => `${path} is not executable for the user of this agent`],
  ])('warns once of a %s one', async (file, reason) => {
    const { path } = pausingProgram()
    mkdirSync(path('directory'))
    writeFileSync(path('plain'), '', { mode: 0o644 })
    const { warnings, findings, watcher } = await watch({ bitcoind: path(file) }, { procRoot: ownProc().procRoot })
    watcher.scan()
    expect(warnings()).toMatchObject([{ msg: reason(path(file)) }])
    expect(findings()).toEqual([reason(path(file))])
  })

  it('names another program that may be the node, and the flag that was wrong, only where no path leads to one', async () => {
    const { install, path } = pausingProgram()
    const [bitcoind, other] = [install('bitcoind'), install('bitcoin-qt')]
    const node = await startProcess(other, [`-datadir=${path()}`])
    const { procRoot, show } = ownProc()
    show(node.pid)
    const hints = async (selection: Parameters<typeof watch>[0]) => (await watch(selection, { procRoot })).findings()
    const missing = path('missing')
    const hint = `pid ${node.pid} runs ${other}: if that is the node, give`
    expect(await hints({ bitcoind: missing })).toEqual([`${missing} does not exist; ${hint} --bitcoind ${other}`])
    expect(await hints({ nodes: [{ name: 'a', path: missing }] })).toEqual([`${missing} does not exist; ${hint} --node a=${other}`])
    expect(await hints({ bitcoind })).toEqual([])
    expect(await hints({ nodes: [{ name: 'a', path: bitcoind }] })).toEqual([])
    expect(await hints({ nodes: [{ name: 'a', path: path() }] })).toEqual([])
  })

  it('takes a bitcoind for none of these while it waits for others that start beside it', async () => {
    const { install, path } = pausingProgram()
    const { procRoot, show } = ownProc()
    const gui = await startProcess(install('bitcoin-qt'))
    show(gui.pid)
    const { told, warnings, watcher } = await watch({}, { procRoot })
    const node = await startProcess(install('bitcoind'), [`-datadir=${path()}`])
    show(node.pid)
    watcher.scan()
    await eventually(() => expect(told).toEqual([`+ localhost ${node.pid}`]))
    expect(warnings().map(({ pid }) => pid)).toEqual([gui.pid])
  })

  it('waits for a bitcoind that is installed later', async () => {
    const { install, path } = pausingProgram()
    const { procRoot, show } = ownProc()
    const { told, warnings } = await watch({ bitcoind: path('later', 'bitcoind') }, { procRoot })
    expect(warnings()).toHaveLength(1)
    const node = await startProcess(install('later', 'bitcoind'))
    show(node.pid)
    await eventually(() => expect(told).toEqual([`+ localhost ${node.pid}`]))
  })

  it('warns of a pid that does not exist, and of one that runs something else than the given bitcoind', async () => {
    const { install } = pausingProgram()
    const [bitcoind, other] = [install('bitcoind'), install('other')]
    const node = await startProcess(other)
    expect((await watch({ pid: 4_194_304 })).warnings()).toMatchObject([
      { msg: 'there is no process 4194304; a bitcoind that is started again has another pid: name it with --bitcoind or --node instead' },
    ])
    const { told, warnings } = await watch({ pid: node.pid, bitcoind })
    expect(told).toEqual([`+ localhost ${node.pid}`])
    expect(warnings()).toMatchObject([{ executable: other, path: bitcoind }])
  })
})
