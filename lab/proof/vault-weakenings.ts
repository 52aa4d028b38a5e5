// The weakenings of one vault: its objects, its feedback and the configuration of its buckets.
import { packPrefix } from '../../core/store/vault-keys.ts'
import { frozenBucketActions } from '../../guardrails/frozen-actions.ts'
import {
  bucketArn,
  duties,
  feedbackBucketName,
  feedbackPrefix,
  keyPrefixes,
  sourcePrefix,
  vaultBucketName,
} from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { makeWeakeningsIn, ownersOf } from './weakening.ts'
import type { Weakening } from './weakening.ts'

/** A region with a vault, and the sources whose backups it holds. */
export interface VaultWithSources {
  readonly place: VaultLocation
  readonly sources: readonly string[]
}

const noneMatch = { 's3:if-none-match': '*' }

type ObjectRow = [
  effect: string,
  action: string,
  key: string,
  context?: Record<string, string>,
  duty?: readonly string[],
]

const objectRows: readonly ObjectRow[] = [
  ['deletes a version', 's3:DeleteObjectVersion', 'manifests/x', {}, ['custodian']],
  ['writes a delete marker', 's3:DeleteObject', 'manifests/x'],
  ['bypasses a lock in GOVERNANCE', 's3:BypassGovernanceRetention', 'manifests/x'],
  ['overwrites an object', 's3:PutObject', 'manifests/x'],
  [
    'uploads in parts, dated by the first',
    's3:PutObject',
    'manifests/x',
    { ...noneMatch, 's3:ObjectCreationOperation': 'false' },
  ],
  [
    'uploads with a lock of its own',
    's3:PutObject',
    'packs/x',
    { ...noneMatch, 's3:object-lock-mode': 'COMPLIANCE' },
  ],
  [
    'uploads with a legal hold',
    's3:PutObject',
    'packs/x',
    { ...noneMatch, 's3:object-lock-legal-hold': 'ON' },
  ],
  [
    'uploads with an event hold',
    's3:PutObject',
    'packs/x',
    { ...noneMatch, 's3:object-lock-event-hold': 'ON' },
  ],
  [
    'uploads under a key that only it has',
    's3:PutObject',
    'packs/x',
    { ...noneMatch, 's3:x-amz-server-side-encryption-customer-algorithm': 'AES256' },
  ],
  [
    'uploads under a key that its owner can delete',
    's3:PutObject',
    'packs/x',
    { ...noneMatch, 's3:x-amz-server-side-encryption': 'aws:kms' },
  ],
  [
    'uploads into an archive',
    's3:PutObject',
    'packs/x',
    { ...noneMatch, 's3:x-amz-storage-class': 'DEEP_ARCHIVE' },
  ],
  [
    'uploads into a single zone',
    's3:PutObject',
    'packs/x',
    { ...noneMatch, 's3:x-amz-storage-class': 'ONEZONE_IA' },
  ],
  [
    'sets the end of a lock',
    's3:PutObjectRetention',
    'packs/x',
    { 's3:object-lock-remaining-retention-days': '1' },
    ['custodian'],
  ],
  [
    'locks for a hundred years',
    's3:PutObjectRetention',
    'packs/x',
    { 's3:object-lock-remaining-retention-days': '36500' },
  ],
  ['puts an event hold', 's3:PutObjectRetention', 'packs/x', { 's3:object-lock-event-hold': 'ON' }],
  ['puts or lifts a legal hold', 's3:PutObjectLegalHold', 'packs/x'],
  ['encrypts an object anew', 's3:UpdateObjectEncryption', 'packs/x'],
  ['replicates into the vault', 's3:ReplicateObject', 'packs/x'],
  ['replicates deletions', 's3:ReplicateDelete', 'packs/x'],
  ['replicates tags', 's3:ReplicateTags', 'packs/x'],
  ['opens an object to others', 's3:PutObjectAcl', 'packs/x'],
  ['opens a version to others', 's3:PutObjectVersionAcl', 'packs/x'],
  ['annotates an object', 's3:PutObjectAnnotation', 'packs/x'],
  ['annotates a version', 's3:PutObjectVersionAnnotation', 'packs/x'],
  ['deletes an annotation', 's3:DeleteObjectVersionAnnotation', 'packs/x'],
  ['reads an annotation', 's3:GetObjectVersionAnnotation', 'packs/x'],
  ['lists annotations', 's3:ListObjectVersionAnnotations', 'packs/x'],
  ['reads an object', 's3:GetObject', 'packs/x', {}, duties],
  ['reads a version', 's3:GetObjectVersion', 'packs/x', {}, duties],
  ["reads an object's attributes", 's3:GetObjectAttributes', 'packs/x', {}, duties],
  ["reads a version's attributes", 's3:GetObjectVersionAttributes', 'packs/x', {}, duties],
  ['reads in plain text', 's3:GetObjectVersion', 'packs/x', { 'aws:SecureTransport': 'false' }],
  ['writes in plain text', 's3:PutObject', 'packs/x', { ...noneMatch, 'aws:SecureTransport': 'false' }],
]

export function vaultWeakenings(vault: VaultWithSources, vaults: readonly VaultWithSources[]): Weakening[] {
  return [
    ...vault.sources.flatMap((source) => objectWeakenings(vault.place, source)),
    makeWeakeningsIn(vault.place.accountId)(
      'lists versions',
      's3:ListBucketVersions',
      bucketArn(vaultBucketName(vault.place)),
      { duty: duties },
    ),
    ...vault.sources.flatMap((source) => sourceWeakenings(vault.place, source)),
    ...otherSourceWeakenings(vault.place, vaults),
    ...configurationWeakenings(vault.place),
    ...widenedWriterWeakenings(vault.place),
  ]
}

function objectWeakenings(place: VaultLocation, source: string): Weakening[] {
  const weaken = makeWeakeningsIn(place.accountId)
  const vault = bucketArn(vaultBucketName(place))
  return objectRows.map(([effect, action, key, context = {}, duty = []]) =>
    weaken(effect, action, `${vault}/${sourcePrefix(source)}${key}`, { context, duty }),
  )
}

function sourceWeakenings(place: VaultLocation, source: string): Weakening[] {
  const weaken = makeWeakeningsIn(place.accountId)
  const vault = bucketArn(vaultBucketName(place))
  const feedback = bucketArn(feedbackBucketName(place))
  const feedbackObject = `${feedback}/${feedbackPrefix(source)}x`
  const writerAndOwners = [`writer ${source}`, ...ownersOf('vault')]
  return [
    weaken('writes feedback', 's3:PutObject', feedbackObject, { context: noneMatch, duty: ['notary'] }),
    weaken('reads feedback in plain text', 's3:GetObject', feedbackObject, {
      context: { 'aws:SecureTransport': 'false' },
    }),
    weaken('reads the feedback of a source', 's3:GetObject', feedbackObject, { duty: writerAndOwners }),
    weaken('lists the feedback of a source', 's3:ListBucket', feedback, {
      context: { 's3:prefix': feedbackPrefix(source) },
      duty: writerAndOwners,
    }),
    // Owners of the vault's account may add objects, because an added object can't change the data of the writers.
    weaken('adds to a source', 's3:PutObject', `${vault}/${packPrefix(source)}x`, {
      context: noneMatch,
      duty: writerAndOwners,
    }),
    weaken('adds a receipt', 's3:PutObject', `${vault}/${keyPrefixes.receipts}${source}/x/y`, {
      context: noneMatch,
      duty: ['notary', ...ownersOf('vault')],
    }),
  ]
}

function otherSourceWeakenings(place: VaultLocation, vaults: readonly VaultWithSources[]): Weakening[] {
  const weaken = makeWeakeningsIn(place.accountId)
  const vault = bucketArn(vaultBucketName(place))
  const feedback = bucketArn(feedbackBucketName(place))
  // A source in another region has its own bucket there, so its writer may not write here.
  const sourcesElsewhere = vaults
    .filter((candidate) => candidate.place.region !== place.region)
    .flatMap(({ sources }) => sources)
  return [
    // A source that doesn't exist, because a configuration may have only one source.
    weaken(
      'reads the feedback of another source',
      's3:GetObject',
      `${feedback}/${feedbackPrefix('no-such-source')}x`,
      {
        duty: ownersOf('vault'),
      },
    ),
    weaken('lists the feedback of another source', 's3:ListBucket', feedback, {
      context: { 's3:prefix': feedbackPrefix('no-such-source') },
      duty: ownersOf('vault'),
    }),
    ...sourcesElsewhere.map((source) =>
      weaken('adds to a source in another region', 's3:PutObject', `${vault}/${packPrefix(source)}x`, {
        context: noneMatch,
        duty: ownersOf('vault'),
      }),
    ),
  ]
}

/** Root can always change a bucket's policy, unless a control policy of the organization denies it. */
function configurationWeakenings(place: VaultLocation): Weakening[] {
  const weaken = makeWeakeningsIn(place.accountId)
  const change = (action: string, bucket: string, owner: Weakening['ownerWithoutOrganization']) =>
    weaken("changes a bucket's configuration", action, bucket, { ownerWithoutOrganization: owner })
  return [
    ...frozenBucketActions.map((action) =>
      change(action, bucketArn(vaultBucketName(place)), /BucketPolicy$/.test(action) ? 'root' : null),
    ),
    ...frozenBucketActions.map((action) =>
      change(action, bucketArn(feedbackBucketName(place)), 'owner and root'),
    ),
  ]
}

/** The bucket policy alone must confine a writer whose own policy allows everything. */
function widenedWriterWeakenings(place: VaultLocation): Weakening[] {
  const weaken = makeWeakeningsIn(place.accountId)
  const vault = bucketArn(vaultBucketName(place))
  const only = 'writer widened'
  return [
    `${vault}/${packPrefix('other')}x`,
    `${vault}/${keyPrefixes.receipts}other/x/y`,
    `${bucketArn(feedbackBucketName(place))}/${feedbackPrefix('other')}x`,
  ].flatMap((resource) => [
    weaken('adds beside its own source', 's3:PutObject', resource, { context: noneMatch, only }),
    weaken('reads beside its own source', 's3:GetObject', resource, { only }),
    weaken('reads a version beside its own source', 's3:GetObjectVersion', resource, { only }),
  ])
}
