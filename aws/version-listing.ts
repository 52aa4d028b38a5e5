// One page of ListObjectVersions, and whether the next one gets any further. A store that pages in circles, goes back or
// answers with other keys is an error: a listing that misses versions unnoticed has cost peers their restores.
import type {
  ListObjectVersionsCommandOutput,
  DeleteMarkerEntry,
  ObjectVersion as ListedVersion,
} from '@aws-sdk/client-s3'
import { HoldfastError } from '../core/errors.ts'
import type { ObjectVersion } from '../core/store/object-store.ts'

/** Where the next page begins: after this version of this key, or after all versions of it. */
export interface PageMarker {
  key: string
  versionId: string | undefined
}

export interface VersionPage {
  entries: ObjectVersion[]
  /** Whole keys, each with the delimiter at its end. */
  folders: string[]
  isLast: boolean
}

export class VersionPager {
  private readonly prefix: string
  private readonly store: string
  private marker: PageMarker | undefined
  /** Version markers already used for the current key: one that comes back is a circle. */
  private readonly usedVersions = new Set<string | undefined>()

  constructor(prefix: string, store: string) {
    this.prefix = prefix
    this.store = store
  }

  /** Where the next page begins; undefined for the first one. */
  get next(): PageMarker | undefined {
    return this.marker
  }

  /**
   * The entries of `page`, in the store's order, the folders it names where a delimiter was given, and whether another
   * page follows. The SDK answers versions and delete markers apart: of one key, the latest is put first.
   * @throws `damaged` if the page is not one that can follow.
   */
  read(page: ListObjectVersionsCommandOutput): VersionPage {
    const decode =
      page.EncodingType === 'url' ? (text: string) => this.decodeKey(text) : (text: string) => text
    const versions = (page.Versions ?? []).map((entry) => this.entry(entry, decode, false))
    const markers = (page.DeleteMarkers ?? []).map((entry) => this.entry(entry, decode, true))
    const entries = mergeEntries(versions, markers)
    for (const entry of entries) this.checkPlace(entry)
    const folders = (page.CommonPrefixes ?? []).map((folder) => this.folder(folder.Prefix, decode))
    // The SDK reads any document that parses: a proxy's page of HTML must not read as an empty vault.
    if (page.IsTruncated === undefined) throw this.fail('a page does not say whether it is the last')
    if (!page.IsTruncated) return { entries, folders, isLast: true }
    if (page.NextKeyMarker === undefined) throw this.fail('a page says that more follow, but not where')
    const key = decode(page.NextKeyMarker)
    this.advance({ key, versionId: page.NextVersionIdMarker || lastVersionOf(entries, key) })
    return { entries, folders, isLast: false }
  }

  private folder(prefix: string | undefined, decode: (text: string) => string): string {
    const folder = prefix === undefined ? '' : decode(prefix)
    if (!folder.startsWith(this.prefix) || folder.length === this.prefix.length)
      throw this.fail('it holds folders that were not asked for')
    if (this.marker !== undefined && compareKeys(folder, this.marker.key) < 0)
      throw this.fail('a page repeats folders of one before')
    return folder
  }

  private advance(next: PageMarker): void {
    const order = this.marker === undefined ? 1 : compareKeys(next.key, this.marker.key)
    if (order < 0) throw this.fail('a page leads back')
    if (order > 0) this.usedVersions.clear()
    if (this.usedVersions.has(next.versionId)) throw this.fail('a page leads to itself')
    this.usedVersions.add(next.versionId)
    this.marker = next
  }

  private checkPlace(entry: ObjectVersion): void {
    if (!entry.key.startsWith(this.prefix)) throw this.fail('it holds keys that were not asked for')
    if (this.marker === undefined) return
    const order = compareKeys(entry.key, this.marker.key)
    const repeats =
      order < 0 ||
      (order === 0 && (this.marker.versionId === undefined || this.usedVersions.has(entry.versionId)))
    if (repeats) throw this.fail('a page repeats entries of the one before')
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
      // S3 gives an object of parts an ETag that ends in their number.
      isMultipart: /-\d+"?$/.test(ETag ?? ''),
    }
  }

  /** S3 encodes keys as in a form: a space is `+`, everything else by percent. */
  private decodeKey(text: string): string {
    try {
      return decodeURIComponent(text.replaceAll('+', '%20'))
    } catch {
      throw this.fail('a key is not encoded as it should be')
    }
  }

  private fail(detail: string): HoldfastError {
    return new HoldfastError(
      'damaged',
      `the listing of versions in ${this.store} can't be trusted: ${detail}`,
      {
        hint: 'the store breaks the rules of S3, or something between here and there does: no version was skipped silently',
      },
    )
  }
}

/** A missing version marker would skip the rest of a key's versions: the last one seen says where to go on. */
function lastVersionOf(entries: ObjectVersion[], key: string): string | undefined {
  const last = entries.at(-1)
  return last?.key === key ? last.versionId : undefined
}

/** Merges two lists that are each in the store's order: by key, then the latest first. */
function mergeEntries(versions: ObjectVersion[], markers: ObjectVersion[]): ObjectVersion[] {
  if (markers.length === 0) return versions
  const merged: ObjectVersion[] = []
  let taken = 0
  for (const version of versions) {
    while (taken < markers.length && comesFirst(markers[taken]!, version)) merged.push(markers[taken++]!)
    merged.push(version)
  }
  return merged.concat(markers.slice(taken))
}

function comesFirst(marker: ObjectVersion, version: ObjectVersion): boolean {
  const order = compareKeys(marker.key, version.key)
  if (order !== 0) return order < 0
  if (marker.isLatest !== version.isLatest) return marker.isLatest
  return marker.lastModifiedMs > version.lastModifiedMs
}

/** S3 lists keys by the bytes of their UTF-8, which JavaScript's own order differs from outside the basic plane. */
export function compareKeys(left: string, right: string): number {
  return left === right ? 0 : Buffer.compare(Buffer.from(left), Buffer.from(right))
}
