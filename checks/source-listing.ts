// Lists the versions of one source, and finds those that no writer of Holdfast makes: delete markers, second versions,
// uploads in parts, keys outside the layout.
//
//   each run:                     manifests, identities, packs of the newest generations and of unknown ones
//   each `fullListingDays` days:  every version of the source
import { SnapshotList } from '../core/snapshot/snapshot-list.ts'
import { dayMs } from '../core/snapshot/retention.ts'
import type { ObjectStore, ObjectVersion } from '../core/store/object-store.ts'
import {
  identityPrefix,
  isIdentityKey,
  manifestPrefix,
  packPrefix,
  parseManifestKey,
  parsePackKey,
  sourcePrefix,
} from '../core/store/vault-keys.ts'
import { timeText } from '../core/time-text.ts'
import { isWalKey } from '../core/wal/wal-keys.ts'
import { dayOf } from './behaviour/daily-figures.ts'
import type { DailyUploads } from './behaviour/daily-figures.ts'
import type { FolderFigures, SourceState } from './source-state.ts'

/** A delete marker or a stray object costs space or hides nothing from a reader, so that its report can wait. */
const fullListingDays = 7
/** Writers upload into these. */
const newestGenerations = 2
/** As many as a run keeps; it counts all. */
const maxStraysKept = 1000

export type StrayKind = 'delete-marker' | 'second-version' | 'in-parts' | 'outside-layout'

export interface Stray {
  kind: StrayKind
  key: string
  versionId: string
  timeMs: number
}

export interface SourceListing {
  snapshots: SnapshotList
  strays: readonly Stray[]
  strayCount: number
  /** Figures by folder. */
  folders: ReadonlyMap<string, FolderFigures>
  /** The versions that were listed, by the day of their upload. */
  uploads: ReadonlyMap<number, DailyUploads>
  isFull: boolean
}

/** @throws as the store. */
export async function listSourceVersions(
  store: ObjectStore,
  source: string,
  state: Pick<SourceState, 'folders' | 'fullListingMs'> & { nowMs: number },
): Promise<SourceListing> {
  const isFull =
    state.nowMs - state.fullListingMs >= fullListingDays * dayMs || state.fullListingMs > state.nowMs
  const audit = new VersionAudit(source)
  const snapshots = await SnapshotList.read(audit.watched(store), source)
  const folders = (await store.listFolders(packPrefix(source))).map((name) => packFolder(source, name)).sort()
  const prefixes = isFull
    ? [sourcePrefix(source)]
    : [identityPrefix(source), ...foldersToList(folders, state.folders)]
  for (const prefix of prefixes)
    for await (const version of store.listVersions(prefix))
      if (!version.key.startsWith(manifestPrefix(source))) audit.add(version)
  for (const folder of isFull ? [] : folders) {
    const figures = state.folders.get(folder)
    if (figures !== undefined && !audit.folders.has(folder)) audit.folders.set(folder, figures)
  }
  const { strays, strayCount, uploads } = audit
  return { snapshots, strays, strayCount, folders: audit.folders, uploads, isFull }
}

function packFolder(source: string, generation: string): string {
  return `${packPrefix(source)}${generation}/`
}

/** The name of a generation begins with its time. */
function foldersToList(sorted: readonly string[], listed: SourceState['folders']): string[] {
  const newest = new Set(sorted.slice(-newestGenerations))
  return sorted.filter((folder) => newest.has(folder) || !listed.has(folder))
}

class VersionAudit {
  readonly strays: Stray[] = []
  strayCount = 0
  readonly folders = new Map<string, FolderFigures>()
  readonly uploads = new Map<number, DailyUploads>()
  private readonly source: string
  private lastKey = ''
  private lastHasObject = false

  constructor(source: string) {
    this.source = source
  }

  /** A store whose listing passes this audit. */
  watched(store: ObjectStore): Pick<ObjectStore, 'listVersions'> {
    const add = this.add.bind(this)
    return {
      async *listVersions(prefix) {
        for await (const version of store.listVersions(prefix)) {
          add(version)
          yield version
        }
      },
    }
  }

  add(version: ObjectVersion): void {
    const { key, bytes, isDeleteMarker, isMultipart } = version
    const folder = this.folderOf(key)
    const figures = this.folders.get(folder) ?? { versions: 0, bytes: 0 }
    figures.versions++
    figures.bytes += bytes
    this.folders.set(folder, figures)
    this.addUpload(version)
    if (key !== this.lastKey) this.lastHasObject = false
    this.lastKey = key
    if (isDeleteMarker) this.addStray('delete-marker', version)
    else if (this.lastHasObject) this.addStray('second-version', version)
    else if (isMultipart) this.addStray('in-parts', version)
    else if (!isInLayout(key)) this.addStray('outside-layout', version)
    this.lastHasObject ||= !isDeleteMarker
  }

  private addUpload({ lastModifiedMs, bytes, isDeleteMarker }: ObjectVersion): void {
    if (isDeleteMarker) return
    const day = dayOf(lastModifiedMs)
    const uploads = this.uploads.get(day) ?? { puts: 0, bytes: 0 }
    uploads.puts++
    uploads.bytes += bytes
    this.uploads.set(day, uploads)
  }

  /** Up to the generation of a pack, and to the kind of anything else. */
  private folderOf(key: string): string {
    const generation = parsePackKey(key)?.generation
    if (generation !== undefined) return packFolder(this.source, generation)
    if (parseManifestKey(key) !== null) return manifestPrefix(this.source)
    return isIdentityKey(key) ? identityPrefix(this.source) : sourcePrefix(this.source)
  }

  private addStray(kind: StrayKind, { key, versionId, lastModifiedMs }: ObjectVersion): void {
    this.strayCount++
    if (this.strays.length < maxStraysKept) this.strays.push({ kind, key, versionId, timeMs: lastModifiedMs })
  }
}

function isInLayout(key: string): boolean {
  return parsePackKey(key) !== null || parseManifestKey(key) !== null || isIdentityKey(key) || isWalKey(key)
}

const sentences: Readonly<Record<StrayKind, string>> = {
  'delete-marker': 'a delete marker lies over it, which no role of a writer can make',
  'second-version': 'it was written a second time, which the bucket refuses to writers',
  'in-parts': "it was uploaded in parts, so that its time can't be trusted",
  'outside-layout': 'its key is no part of the layout of a vault',
}

export function strayText({ kind, versionId, timeMs }: Stray): string {
  return `${sentences[kind]}: version ${versionId} of ${timeText(timeMs)}`
}
