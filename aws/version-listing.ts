// Reads the pages of ListObjectVersions, and checks that each page advances. A store that repeats pages, goes
// back, or sends other keys is an error, because a restore fails if a listing silently misses versions.
import type {
  ListObjectVersionsCommandOutput,
  DeleteMarkerEntry,
  ObjectVersion as ListedVersion,
} from '@aws-sdk/client-s3'
import { HoldfastError } from '../core/errors.ts'
import type { ObjectVersion } from '../core/store/object-store.ts'

/** The start of the next page: after this version of the key, or after all its versions. */
export interface PageMarker {
  key: string
  versionId: string | undefined
}

export interface VersionPage {
  entries: ObjectVersion[]
  /** Full prefixes, each with the delimiter at its end. */
  folders: string[]
  isLast: boolean
}

export class VersionPager {
  readonly prefix: string
  private readonly store: string
  private readonly after: string | undefined
  private marker: PageMarker | undefined
  /** The version markers used for the current key: a repeated marker is a circle. */
  private readonly usedVersions = new Set<string | undefined>()

  /** @param after the listing begins behind this text, also in a store that lists earlier keys all the same. */
  constructor(prefix: string, store: string, after?: string) {
    this.prefix = prefix
    this.store = store
    this.after = after
  }

  /** The start of the next page; undefined for a first page from the beginning on. */
  get next(): PageMarker | undefined {
    return this.marker ?? (this.after === undefined ? undefined : { key: this.after, versionId: undefined })
  }

  /**
   * The entries of `page` in the store's order, its folders if the request has a delimiter, and whether
   * another page follows. The SDK returns versions and delete markers separately; we merge them, with the
   * latest entry of a key first.
   * @throws `damaged` if the page can't follow the one before.
   */
  read(page: ListObjectVersionsCommandOutput): VersionPage {
    const decode =
      page.EncodingType === 'url' ? (text: string) => this.decodeKey(text) : (text: string) => text
    const versions = (page.Versions ?? []).map((entry) => this.entry(entry, decode, false))
    const markers = (page.DeleteMarkers ?? []).map((entry) => this.entry(entry, decode, true))
    const listed = mergeEntries(versions, markers)
    for (const entry of listed) this.checkPosition(entry)
    const { after } = this
    const entries = after === undefined ? listed : listed.filter(({ key }) => compareKeys(key, after) > 0)
    const folders = (page.CommonPrefixes ?? []).map((folder) => this.folder(folder.Prefix, decode))
    // The SDK accepts any XML document, and a proxy's HTML page must not read as an empty vault.
    if (page.IsTruncated === undefined) throw this.fail('a page does not report whether it is the last')
    if (!page.IsTruncated) return { entries, folders, isLast: true }
    if (page.NextKeyMarker === undefined)
      throw this.fail('a page reports that another one follows, but not its start')
    const key = decode(page.NextKeyMarker)
    this.advance({ key, versionId: page.NextVersionIdMarker || lastVersionOf(listed, key) })
    return { entries, folders, isLast: false }
  }

  private folder(prefix: string | undefined, decode: (text: string) => string): string {
    const folder = prefix === undefined ? '' : decode(prefix)
    if (!folder.startsWith(this.prefix) || folder.length === this.prefix.length)
      throw this.fail('it has folders outside the requested prefix')
    if (this.marker !== undefined && compareKeys(folder, this.marker.key) < 0)
      throw this.fail('a page repeats folders of an earlier page')
    return folder
  }

  private advance(next: PageMarker): void {
    const order = this.marker === undefined ? 1 : compareKeys(next.key, this.marker.key)
    if (order < 0) throw this.fail('a page goes back to earlier keys')
    if (order > 0) this.usedVersions.clear()
    if (this.usedVersions.has(next.versionId)) throw this.fail('a page repeats the marker of an earlier page')
    this.usedVersions.add(next.versionId)
    this.marker = next
  }

  private checkPosition(entry: ObjectVersion): void {
    if (!entry.key.startsWith(this.prefix)) throw this.fail('it has keys outside the requested prefix')
    if (this.marker === undefined) return
    const order = compareKeys(entry.key, this.marker.key)
    const repeats =
      order < 0 ||
      (order === 0 && (this.marker.versionId === undefined || this.usedVersions.has(entry.versionId)))
    if (repeats) throw this.fail('a page repeats entries of the page before')
  }

  private entry(
    listed: ListedVersion & DeleteMarkerEntry,
    decode: (text: string) => string,
    isDeleteMarker: boolean,
  ): ObjectVersion {
    const { Key, VersionId, LastModified, Size, ETag } = listed
    const lastModifiedMs = LastModified?.getTime() ?? Number.NaN
    if (Key === undefined || VersionId === undefined || Number.isNaN(lastModifiedMs))
      throw this.fail('an entry lacks its key, version or time')
    if (!isDeleteMarker && (Size === undefined || !Number.isSafeInteger(Size) || Size < 0))
      throw this.fail('an entry lacks its size')
    return {
      key: decode(Key),
      versionId: VersionId,
      bytes: isDeleteMarker ? 0 : Size!,
      lastModifiedMs,
      isDeleteMarker,
      isLatest: listed.IsLatest === true,
      // The ETag of a multipart object ends in the number of its parts.
      isMultipart: /-\d+"?$/.test(ETag ?? ''),
    }
  }

  /** S3 encodes keys like form data: a space is `+`, other characters are percent-encoded. */
  private decodeKey(text: string): string {
    try {
      return decodeURIComponent(text.replaceAll('+', '%20'))
    } catch {
      throw this.fail('a key has an invalid encoding')
    }
  }

  private fail(detail: string): HoldfastError {
    return new HoldfastError(
      'damaged',
      `the listing of versions in ${this.store} can't be trusted: ${detail}`,
      {
        hint: 'the store, or a proxy in between, breaks the rules of S3; holdfast skipped no version silently',
      },
    )
  }
}

/**
 * Stands in for a missing version marker, without which the next page would skip the other versions of the
 * key.
 */
function lastVersionOf(entries: ObjectVersion[], key: string): string | undefined {
  const last = entries.at(-1)
  return last?.key === key ? last.versionId : undefined
}

/** Merges two lists that are each in the store's order: by key, then the latest first. */
function mergeEntries(versions: ObjectVersion[], markers: ObjectVersion[]): ObjectVersion[] {
  if (markers.length === 0) return versions
  const merged: ObjectVersion[] = []
  let next = 0
  for (const version of versions) {
    while (next < markers.length && comesFirst(markers[next]!, version)) merged.push(markers[next++]!)
    merged.push(version)
  }
  return merged.concat(markers.slice(next))
}

function comesFirst(marker: ObjectVersion, version: ObjectVersion): boolean {
  const order = compareKeys(marker.key, version.key)
  if (order !== 0) return order < 0
  if (marker.isLatest !== version.isLatest) return marker.isLatest
  return marker.lastModifiedMs > version.lastModifiedMs
}

/**
 * Compares by UTF-8 bytes, as S3 does; JavaScript's own order differs outside the Basic Multilingual Plane.
 */
export function compareKeys(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
