// Reads the audit trail as CloudTrail delivers it, day by day, oldest first:
//
//   AWSLogs/[<organization>/]<account>/CloudTrail/<region>/<yyyy>/<mm>/<dd>/<name>.json.gz
//
// Only AWS can write there, and the objects are locked. Their content is what callers sent, and hostile.
import { createGunzip } from 'node:zlib'
import { isHoldfastError, objectFailures } from '../../core/errors.ts'
import { readInOrder } from '../../core/ordered-reads.ts'
import type { ObjectStore, ObjectVersion } from '../../core/store/object-store.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import { RecordSplitter } from './record-splitter.ts'
import { parseTrailEvent } from './trail-event.ts'
import type { TrailEvent } from './trail-event.ts'

const maxReadsAtOnce = 16
/** CloudTrail delivers files of a few megabytes. */
const maxFileBytes = 64 * 1024 * 1024
/** A file of this size that unpacks to more is a bomb. */
const maxRawBytes = 1024 * 1024 * 1024
const trails = 'AWSLogs/'

export interface TrailRange {
  accounts: readonly string[]
  /** Empty: every region that delivers. */
  regions: readonly string[]
  /** The first and the last day, since 1970. */
  firstDay: number
  lastDay: number
}

export interface TrailRead {
  files: number
  /** Sentences about files that could not be read, with their keys; the first ones. */
  problems: { subject: string; detail: string }[]
  problemCount: number
  /** Accounts that deliver nothing on the last two days: a trail that stopped is no proof. */
  silent: string[]
}

const maxProblems = 20

/** @throws as the store. */
export async function readTrail(
  store: ObjectStore,
  { accounts, regions, firstDay, lastDay }: TrailRange,
  { signal, onEvent }: { signal: AbortSignal; onEvent: (event: TrailEvent) => void },
): Promise<TrailRead> {
  const result: TrailRead = { files: 0, problems: [], problemCount: 0, silent: [] }
  const report = (subject: string, detail: string): void => {
    result.problemCount++
    if (result.problems.length < maxProblems) result.problems.push({ subject, detail })
  }
  for (const [account, folders] of await foldersOf(store, accounts, regions)) {
    let lastFiles = 0
    for (let day = firstDay; day <= lastDay; day++)
      for (const folder of folders) {
        const files = await listFiles(store, `${folder}${dayPath(day)}`)
        result.files += files.length
        if (day >= lastDay - 1) lastFiles += files.length
        const read = (file: ObjectVersion): Promise<string | null> => {
          signal.throwIfAborted()
          return readFile(store, file, onEvent)
        }
        let index = 0
        for await (const problem of readInOrder(files, () => maxReadsAtOnce, read)) {
          const { key } = files[index++]!
          if (problem !== null) report(key, problem)
        }
      }
    if (lastFiles === 0) result.silent.push(account)
  }
  return result
}

/** The folders of each account's regions. */
async function foldersOf(
  store: ObjectStore,
  accounts: readonly string[],
  regions: readonly string[],
): Promise<Map<string, string[]>> {
  const top = await store.listFolders(trails)
  const roots = [
    trails,
    ...top.filter((name) => /^o-[a-z0-9]{10,32}$/.test(name)).map((name) => `${trails}${name}/`),
  ]
  const folders = new Map<string, string[]>()
  for (const account of accounts) {
    const regionFolders: string[] = []
    for (const root of roots) {
      const prefix = `${root}${account}/CloudTrail/`
      const names = (await store.listFolders(prefix)).filter((name) => /^[a-z0-9-]{1,40}$/.test(name))
      regionFolders.push(
        ...names
          .filter((name) => regions.length === 0 || regions.includes(name))
          .map((name) => `${prefix}${name}/`),
      )
    }
    folders.set(account, regionFolders)
  }
  return folders
}

function dayPath(day: number): string {
  return `${new Date(day * dayMs).toISOString().slice(0, 10).replaceAll('-', '/')}/`
}

async function listFiles(store: ObjectStore, prefix: string): Promise<ObjectVersion[]> {
  const files: ObjectVersion[] = []
  for await (const version of store.listVersions(prefix))
    if (!version.isDeleteMarker && version.key.endsWith('.json.gz')) files.push(version)
  return files
}

/** Null, or why the file could not be read to its end. */
async function readFile(
  store: ObjectStore,
  file: ObjectVersion,
  onEvent: (event: TrailEvent) => void,
): Promise<string | null> {
  if (file.bytes > maxFileBytes) return `it has ${file.bytes} bytes, more than CloudTrail delivers`
  let packed: Uint8Array
  try {
    packed = await store.getRange(file, 0, file.bytes)
  } catch (error) {
    if (!isHoldfastError(error, ...objectFailures)) throw error
    return error.message
  }
  const splitter = new RecordSplitter()
  const gunzip = createGunzip()
  gunzip.end(packed)
  let rawBytes = 0
  let unreadable = 0
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      rawBytes += chunk.length
      if (rawBytes > maxRawBytes) return `it unpacks to more than ${maxRawBytes} bytes`
      for (const text of splitter.feed(chunk)) {
        const event = parseTrailEvent(text)
        if (event === null) unreadable++
        else onEvent(event)
      }
    }
  } catch (error) {
    return `it does not unpack to events: ${(error as Error).message}`
  }
  if (!splitter.isWhole) return 'it ends early'
  const lost = unreadable + splitter.tooLong
  return lost === 0 ? null : `${lost} of its records are no events that can be read`
}
