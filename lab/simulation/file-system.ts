// The file system that the engine sees: the real one, in which a call can fail or end the process. We replace Node's
// functions, also for modules that imported them by name. Code outside a simulated process gets the real functions.
import type childProcessModule from 'node:child_process'
import { EventEmitter } from 'node:events'
import type fsModule from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import type sqliteModule from 'node:sqlite'
import { PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import { Crash, outsideProcess, currentProcess } from './host-process.ts'
import type { FaultKind, HostProcess } from './host-process.ts'

type Mutable<Module> = { -readonly [Name in keyof Module]: Module[Name] }
type AnyFunction = (...args: never[]) => unknown
type Area = 'source' | 'cache' | 'target' | 'elsewhere'

const require = createRequire(import.meta.url)
const fs = require('node:fs') as Mutable<typeof fsModule>
const childProcess = require('node:child_process') as Mutable<typeof childProcessModule>
const { DatabaseSync, StatementSync } = require('node:sqlite') as typeof sqliteModule
const real = { ...fs }

/** Calls that change an entry by its path, and calls that only read. */
const changingByPath = [
  'mkdirSync',
  'writeFileSync',
  'renameSync',
  'linkSync',
  'symlinkSync',
  'unlinkSync',
  'rmSync',
  'rmdirSync',
  'lutimesSync',
  'lchownSync',
] as const
const lookingByPath = [
  'lstatSync',
  'statSync',
  'readdirSync',
  'readlinkSync',
  'realpathSync',
  'readFileSync',
  'existsSync',
] as const
/** Calls whose second argument names the new entry. */
const namesSecond: ReadonlySet<string> = new Set(['renameSync', 'linkSync', 'symlinkSync'])
const changingByDescriptor = [
  'writeSync',
  'fsyncSync',
  'ftruncateSync',
  'fchmodSync',
  'fchownSync',
  'futimesSync',
] as const
const lookingByDescriptor = ['readSync', 'fstatSync'] as const

/** The calls that each kind of fault can hit, and the error code of the failed call. */
const failures: { kind: FaultKind; area: Area; code: string; calls: ReadonlySet<string> }[] = [
  {
    kind: 'source EIO',
    area: 'source',
    code: 'EIO',
    calls: new Set(['readSync', 'openSync', 'readdirSync', 'lstatSync', 'readlinkSync']),
  },
  { kind: 'source EACCES', area: 'source', code: 'EACCES', calls: new Set(['openSync', 'readdirSync']) },
  {
    kind: 'target ENOSPC',
    area: 'target',
    code: 'ENOSPC',
    calls: new Set(['writeSync', 'mkdirSync', 'create', 'symlinkSync', 'linkSync', 'writeFileSync']),
  },
  {
    kind: 'target EDQUOT',
    area: 'target',
    code: 'EDQUOT',
    calls: new Set(['writeSync', 'mkdirSync', 'create', 'symlinkSync', 'writeFileSync']),
  },
  {
    kind: 'target EIO',
    area: 'target',
    code: 'EIO',
    calls: new Set(['writeSync', 'fsyncSync', 'ftruncateSync', 'renameSync', 'create', 'unlinkSync']),
  },
  {
    kind: 'target EACCES',
    area: 'target',
    code: 'EACCES',
    calls: new Set(['mkdirSync', 'create', 'renameSync']),
  },
]

/** No user replaces the root. */
function mayHit(kind: FaultKind, path: Buffer): boolean {
  return kind !== 'directory becomes a link' || path.includes('/')
}

const fileFaults: readonly FaultKind[] = ['file changes', 'file vanishes']
const directoryFaults: readonly FaultKind[] = ['entry moves', 'directory becomes a link']

/** Times that the simulated kernel gives to a file of the source; stored by inode. */
export interface FileTimes {
  mtimeNs: bigint
  ctimeNs: bigint
  bornNs: bigint
}

export interface FileSystemSettings {
  /** The current directory, with a slash: sources, caches and targets lie in it. */
  here: string
  times: ReadonlyMap<bigint, FileTimes>
  /** The time of the simulated kernel's clock. */
  nowNs: () => bigint
  /** Called with a path that a process tries to change and that is neither in a cache nor in a target. */
  onStray: (call: string, path: string) => void
  /** A planted bug of the kernel that the engine sees. */
  bug: KernelBug | null
}

/** Directories whose change time stands still; links that are followed where the engine forbids it. */
export type KernelBug = 'frozen directories' | 'followed links'

let settings: FileSystemSettings
const areaOfDescriptor = new Map<number, { area: Area; path: Buffer }>()

function areaOf(location: unknown): Area {
  if (typeof location === 'number') return areaOfDescriptor.get(location)?.area ?? 'elsewhere'
  let path = location instanceof Uint8Array ? Buffer.from(location).toString('latin1') : String(location)
  const descriptor = /^\/proc\/self\/fd\/(\d+)\//.exec(path)
  if (descriptor !== null) return areaOf(Number(descriptor[1]))
  if (path.startsWith(settings.here)) path = path.slice(settings.here.length)
  return (/^(source|cache|target)(?=[-/]|$)/.exec(path)?.[1] as Area | undefined) ?? 'elsewhere'
}

/** The path of an entry that is named through the descriptor of its directory. */
function plainPath(location: unknown): Buffer {
  const path = location instanceof Uint8Array ? Buffer.from(location) : Buffer.from(String(location))
  const match = /^\/proc\/self\/fd\/(\d+)(\/[^]*)$/.exec(path.toString('latin1'))
  const directory = match === null ? undefined : areaOfDescriptor.get(Number(match[1]))
  return directory === undefined ? path : Buffer.concat([directory.path, Buffer.from(match![2]!, 'latin1')])
}

function fail(code: string, call: string): Error {
  return Object.assign(new Error(`${code}: injected, ${call}`), { code, syscall: call.replace(/Sync$/, '') })
}

/** Writes half of the bytes, as a process does that ends in the middle of the call. */
function halfOf(call: string, args: unknown[]): () => void {
  if (call === 'writeSync' && args[1] instanceof Uint8Array) {
    const [descriptor, bytes, offset, length, position] = args as [
      number,
      Uint8Array,
      number?,
      number?,
      number?,
    ]
    return () => void real.writeSync(descriptor, bytes, offset ?? 0, (length ?? bytes.length) >> 1, position)
  }
  if (call === 'writeFileSync' && typeof args[1] === 'string') {
    const [path, text] = args as [string, string]
    return () => real.writeFileSync(path, text.slice(0, text.length >> 1))
  }
  return () => {}
}

function before(owner: HostProcess, call: string, args: unknown[], isChanging: boolean): void {
  const location = namesSecond.has(call) ? args[1] : args[0]
  const area = areaOf(location)
  if (area === 'elsewhere' && !isChanging) return
  if (isChanging && (area === 'elsewhere' || area === 'source')) settings.onStray(call, String(location))
  owner.step('crash in a file system call', isChanging ? halfOf(call, args) : undefined)
  if (call === 'openSync' && area === 'source') {
    const isDirectory = (Number(args[1]) & real.constants.O_DIRECTORY) !== 0
    for (const kind of isDirectory ? directoryFaults : fileFaults)
      if (mayHit(kind, plainPath(args[0])) && owner.meets(kind))
        outsideProcess(() => owner.onSourceFault(kind, plainPath(args[0])))
  }
  const name = call === 'openSync' && (Number(args[1]) & real.constants.O_CREAT) !== 0 ? 'create' : call
  for (const failure of failures) {
    if (failure.area !== area || !failure.calls.has(name) || !owner.meets(failure.kind)) continue
    throw fail(failure.code, call)
  }
  if (area === 'cache' && isChanging && owner.meets('cache full')) throw fail('ENOSPC', call)
}

/** Files of the source and of a cache have the times of the simulated kernel. */
function withSimulatedTimes(result: unknown, call: string, location: unknown): unknown {
  if (!call.endsWith('statSync') || typeof (result as BigIntStats | undefined)?.mtimeNs !== 'bigint')
    return result
  const stats = result as BigIntStats
  const area = areaOf(location)
  const times = area === 'source' ? settings.times.get(stats.ino) : undefined
  if (times !== undefined) {
    stats.mtimeNs = times.mtimeNs
    stats.ctimeNs = settings.bug === 'frozen directories' && stats.isDirectory() ? 1n : times.ctimeNs
    stats.birthtimeNs = times.bornNs
  } else if (area === 'cache') stats.mtimeNs = settings.nowNs()
  return stats
}

/** The planted bug: a link that took a directory's place is followed, and has the identity of the directory. */
function followLinks(call: string, args: unknown[]): void {
  if (call !== 'openSync' || areaOf(args[0]) !== 'source') return
  args[1] = Number(args[1]) & ~real.constants.O_NOFOLLOW
}

const listedDirectories = new Map<string, { dev: bigint; ino: bigint }>()

/** An open directory has the identity that its path had when it was listed. */
function feignIdentity(call: string, location: unknown, result: unknown): void {
  if (areaOf(location) !== 'source') return
  if (call === 'lstatSync') {
    const { dev, ino } = result as BigIntStats
    listedDirectories.set(plainPath(location).toString('latin1'), { dev, ino })
  } else if (call === 'fstatSync') {
    const listed = listedDirectories.get(areaOfDescriptor.get(location as number)!.path.toString('latin1'))
    const stats = result as fsModule.Stats
    if (listed === undefined || typeof stats.ino === 'bigint' || !stats.isDirectory()) return
    stats.dev = Number(listed.dev)
    stats.ino = Number(listed.ino)
  }
}

function replace(call: string, isChanging: boolean): void {
  const original = (real as unknown as Record<string, AnyFunction>)[call]!
  const replaced = (...args: unknown[]): unknown => {
    const owner = currentProcess()
    if (owner === undefined) return original(...(args as never[]))
    before(owner, call, args, isChanging)
    if (settings.bug === 'followed links') followLinks(call, args)
    const result = original(...(args as never[]))
    if (call === 'openSync')
      areaOfDescriptor.set(result as number, { area: areaOf(args[0]), path: plainPath(args[0]) })
    if (settings.bug === 'followed links') feignIdentity(call, args[0], result)
    return withSimulatedTimes(result, call, args[0])
  }
  Object.assign(fs, { [call]: Object.assign(replaced, original) })
}

function replaceOpen(): void {
  replace('openSync', false)
  fs.closeSync = (descriptor) => {
    areaOfDescriptor.delete(descriptor)
    real.closeSync(descriptor)
  }
}

/** Statements of the cache's database can fail. SQLite's own file accesses stay real, because they bypass Node. */
function replaceStatements(): void {
  const watch = (owner: object, name: string): void => {
    const original = (owner as Record<string, AnyFunction>)[name]!
    Object.assign(owner, {
      [name](this: unknown, ...args: unknown[]): unknown {
        const process = currentProcess()
        if (process !== undefined) {
          process.step('crash in the cache')
          if (process.meets('cache EIO')) throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
        }
        return original.apply(this, args as never[])
      },
    })
  }
  watch(DatabaseSync.prototype, 'exec')
  for (const name of ['run', 'get', 'all']) watch(StatementSync.prototype, name)
}

/** No process starts: `sync` does nothing in memory and can fail, and getfattr is reported as not installed. */
function replacePrograms(): void {
  const sync = (): Promise<unknown> => {
    const owner = currentProcess()!
    owner.step('crash in a file system call')
    if (owner.meets('sync ENOSPC'))
      return Promise.reject(new Error('sync: error syncing: No space left on device'))
    if (owner.meets('sync EIO')) return Promise.reject(new Error('sync: error syncing: Input/output error'))
    return Promise.resolve({ stdout: '', stderr: '' })
  }
  const { execFile, spawn } = childProcess
  const asPromise = promisify(execFile)
  childProcess.execFile = Object.assign((...args: Parameters<typeof execFile>) => execFile(...args), {
    [promisify.custom]: (...args: Parameters<typeof asPromise>) =>
      currentProcess() === undefined ? asPromise(...args) : sync(),
  }) as never
  childProcess.spawn = ((...args: Parameters<typeof spawn>) => {
    if (currentProcess() === undefined) return spawn(...args)
    const child = Object.assign(new EventEmitter(), { stdout: new PassThrough() })
    setImmediate(() => {
      child.stdout.end()
      child.emit('error', Object.assign(new Error('spawn ENOENT'), { code: 'ENOENT' }))
    })
    return child
  }) as never
}

let isInstalled = false

/** From now on simulated processes see this file system. */
export function useFileSystem(world: FileSystemSettings): void {
  settings = world
  if (isInstalled) return
  isInstalled = true
  for (const call of [...changingByPath, ...changingByDescriptor]) replace(call, true)
  for (const call of [...lookingByPath, ...lookingByDescriptor]) replace(call, false)
  replaceOpen()
  replaceStatements()
  replacePrograms()
  syncBuiltinESMExports()
}

export function isCrash(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof Crash) return true
  return false
}
