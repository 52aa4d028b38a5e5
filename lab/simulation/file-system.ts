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

/** Times that the simulated kernel gives to a file of the source; stored by inode. */
export interface FileTimes {
  mtimeNs: bigint
  ctimeNs: bigint
}

export interface FileSystemSettings {
  /** The current directory, with a slash: sources, caches and targets lie in it. */
  here: string
  times: ReadonlyMap<bigint, FileTimes>
  /** The time of the simulated kernel's clock. */
  nowNs: () => bigint
  /** Called with a path that a process tries to change and that is neither in a cache nor in a target. */
  onStray: (call: string, path: string) => void
}

let settings: FileSystemSettings
const areaOfDescriptor = new Map<number, { area: Area; path: Buffer | string }>()

function areaOf(location: unknown): Area {
  if (typeof location === 'number') return areaOfDescriptor.get(location)?.area ?? 'elsewhere'
  let path = location instanceof Uint8Array ? Buffer.from(location).toString('latin1') : String(location)
  const descriptor = /^\/proc\/self\/fd\/(\d+)\//.exec(path)
  if (descriptor !== null) return areaOf(Number(descriptor[1]))
  if (path.startsWith(settings.here)) path = path.slice(settings.here.length)
  return (/^(source|cache|target)(?=[-/]|$)/.exec(path)?.[1] as Area | undefined) ?? 'elsewhere'
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
    for (const kind of ['file changes', 'file vanishes'] as const)
      if (owner.meets(kind)) outsideProcess(() => owner.onSourceFault(kind, args[0] as Buffer))
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
    stats.ctimeNs = times.ctimeNs
  } else if (area === 'cache') stats.mtimeNs = settings.nowNs()
  return stats
}

function replace(call: string, isChanging: boolean): void {
  const original = (real as unknown as Record<string, AnyFunction>)[call]!
  const replaced = (...args: unknown[]): unknown => {
    const owner = currentProcess()
    if (owner === undefined) return original(...(args as never[]))
    before(owner, call, args, isChanging)
    const result = original(...(args as never[]))
    if (call === 'openSync')
      areaOfDescriptor.set(result as number, { area: areaOf(args[0]), path: args[0] as string })
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
