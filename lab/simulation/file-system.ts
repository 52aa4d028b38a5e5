// The file system that the engine sees: the real one, whose calls can fail or be where a process ends. Node's functions
// are replaced, also for those who imported them by name; who runs in no simulated process gets the real ones.
import type childProcessModule from 'node:child_process'
import { EventEmitter } from 'node:events'
import type fsModule from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import type sqliteModule from 'node:sqlite'
import { PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import { Crash, asNobody, currentProcess } from './host-process.ts'
import type { FaultKind, HostProcess } from './host-process.ts'

type Mutable<Module> = { -readonly [Name in keyof Module]: Module[Name] }
type AnyFunction = (...args: never[]) => unknown
type Area = 'source' | 'cache' | 'target' | 'elsewhere'

const require = createRequire(import.meta.url)
const fs = require('node:fs') as Mutable<typeof fsModule>
const childProcess = require('node:child_process') as Mutable<typeof childProcessModule>
const { DatabaseSync, StatementSync } = require('node:sqlite') as typeof sqliteModule
const real = { ...fs }

/** Calls that change something below a path, and those that only look. */
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
/** What they make is named by their second argument. */
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

/** Which fault may happen to which call in which area, and what the call fails with. */
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

/** Times that a source's files have by the simulated kernel, by inode. */
export interface FileTimes {
  mtimeNs: bigint
  ctimeNs: bigint
}

export interface FileSystemSettings {
  /** The current directory, with a slash: sources, caches and targets lie in it. */
  here: string
  times: ReadonlyMap<bigint, FileTimes>
  /** What the simulated kernel's clock says. */
  nowNs: () => bigint
  /** Called with a path that a process tries to change and that is neither in a cache nor in a target. */
  onStray: (call: string, path: string) => void
}

let settings: FileSystemSettings
const areaOfDescriptor = new Map<number, { area: Area; path: Buffer | string }>()

function areaOf(place: unknown): Area {
  if (typeof place === 'number') return areaOfDescriptor.get(place)?.area ?? 'elsewhere'
  let path = place instanceof Uint8Array ? Buffer.from(place).toString('latin1') : String(place)
  const descriptor = /^\/proc\/self\/fd\/(\d+)\//.exec(path)
  if (descriptor !== null) return areaOf(Number(descriptor[1]))
  if (path.startsWith(settings.here)) path = path.slice(settings.here.length)
  return (/^(source|cache|target)(?=[-/]|$)/.exec(path)?.[1] as Area | undefined) ?? 'elsewhere'
}

function fail(code: string, call: string): Error {
  return Object.assign(new Error(`${code}: injected, ${call}`), { code, syscall: call.replace(/Sync$/, '') })
}

/** Half of what a call would write: what is there if the process ends in the middle of it. */
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
  const place = namesSecond.has(call) ? args[1] : args[0]
  const area = areaOf(place)
  if (area === 'elsewhere' && !isChanging) return
  if (isChanging && (area === 'elsewhere' || area === 'source')) settings.onStray(call, String(place))
  owner.step('crash in a file system call', isChanging ? halfOf(call, args) : undefined)
  if (call === 'openSync' && area === 'source') {
    for (const kind of ['file changes', 'file vanishes'] as const)
      if (owner.meets(kind)) asNobody(() => owner.onSourceFault(kind, args[0] as Buffer))
  }
  const name = call === 'openSync' && (Number(args[1]) & real.constants.O_CREAT) !== 0 ? 'create' : call
  for (const failure of failures) {
    if (failure.area !== area || !failure.calls.has(name) || !owner.meets(failure.kind)) continue
    throw fail(failure.code, call)
  }
  if (area === 'cache' && isChanging && owner.meets('cache full')) throw fail('ENOSPC', call)
}

/** The times of a source are the simulated kernel's; so is the time of whatever a cache's file is stamped with. */
function stamped(result: unknown, call: string, place: unknown): unknown {
  if (!call.endsWith('statSync') || typeof (result as BigIntStats | undefined)?.mtimeNs !== 'bigint')
    return result
  const stats = result as BigIntStats
  const area = areaOf(place)
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
    return stamped(result, call, args[0])
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

/** Statements of the cache's database. What SQLite itself does with its files is its own affair. */
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

/** No program is started: `sync` has nothing to do in memory and can fail, and nobody looks for extended attributes. */
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

/** From now on simulated processes see this file system. @param world is asked at each call. */
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
