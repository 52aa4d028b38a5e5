// Creates the declared buckets when a sandbox first meets them. An existing bucket keeps its own state.

import type { DeclaredBucket } from '../../declaration.ts'
import type { XmlElement } from '../../protocol/xml.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { renderDocument } from '../reply.ts'

export function createDeclaredBuckets(
  catalog: Catalog,
  buckets: readonly DeclaredBucket[],
  nowMs: number,
): void {
  for (const declared of buckets) {
    if (catalog.findBucket(declared.name) !== null) continue
    catalog.transact(() => createDeclaredBucket(catalog, declared, nowMs))
  }
}

function createDeclaredBucket(catalog: Catalog, declared: DeclaredBucket, nowMs: number): void {
  const { objectLock } = declared
  const bucket = catalog.createBucket({
    name: declared.name,
    accountId: declared.accountId,
    region: declared.region,
    createdMs: nowMs,
    // Object Lock turns versioning on, even if the declaration doesn't.
    versioning: objectLock.enabled ? 'Enabled' : declared.versioning,
    lockEnabled: objectLock.enabled,
    lockDefault:
      objectLock.default === null
        ? null
        : { mode: objectLock.default.mode, days: objectLock.default.days, years: null },
  })
  const write = (name: string, document: unknown) => {
    if (document !== null)
      catalog.writeConfiguration(
        bucket.id,
        name,
        typeof document === 'string' ? document : JSON.stringify(document),
      )
  }
  write('policy', declared.policy)
  write('encryption', declared.encryption)
  write('publicAccessBlock', declared.publicAccessBlock)
  write('ownershipControls', declared.ownership)
  const tags = Object.entries(declared.tags)
  if (tags.length > 0) {
    write(
      'tagging',
      renderDocument('Tagging', [
        [
          'TagSet',
          tags.map(([key, value]): XmlElement => [
            'Tag',
            [
              ['Key', key],
              ['Value', value],
            ],
          ]),
        ],
      ]),
    )
  }
  if (declared.lifecycleRules.length > 0) {
    write(
      'lifecycle',
      renderDocument(
        'LifecycleConfiguration',
        declared.lifecycleRules.map((rule): XmlElement => ['Rule', renderPlain(rule)]),
      ),
    )
  }
}

// Pulumi's names differ from S3's in the case of the first letter (`daysAfterInitiation`), and in `id`.
function renderPlain(value: unknown): XmlElement[] {
  return Object.entries(value as Record<string, unknown>).map(([name, content]): XmlElement => {
    const element = name === 'id' ? 'ID' : name.charAt(0).toUpperCase() + name.slice(1)
    return [element, typeof content === 'object' && content !== null ? renderPlain(content) : String(content)]
  })
}
