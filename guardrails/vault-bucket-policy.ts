// The vault bucket's policy. It contains denies only, and no statement exempts a deployer. The identity
// policies of the roles grant access (role-policies.ts); this policy limits every role, also one that is
// added later.
import { frozenBucketActions } from './frozen-actions.ts'
import {
  anyWriterArn,
  bucketArn,
  duties,
  dutyRoleArn,
  sourcePrefix,
  sourceTag,
  vaultBucketName,
} from './names.ts'
import { policy, principalTag } from './policy.ts'
import type { Policy, Statement } from './policy.ts'
import type { VaultLocation } from './names.ts'

export interface VaultBucketGuards {
  location: VaultLocation
  /**
   * No lock may end later than this many days from now, because a lock of 100 years would have to be paid
   * for.
   */
  retentionCapDays: number
  /**
   * True without an Organization. The freeze is then part of this policy, and only the account's root user
   * can lift it. With an Organization, the freeze is a service control policy, which binds the root user too
   * and allows a timed thaw.
   */
  detached: boolean
  /** The storage classes that an upload may name. Without a name an object gets STANDARD. */
  storageClasses: readonly StorageClass[]
}

/** Classes whose objects a restore can read at once. */
export const storageClasses = ['STANDARD', 'INTELLIGENT_TIERING'] as const
export type StorageClass = (typeof storageClasses)[number]

export function vaultBucketPolicy(guards: VaultBucketGuards): Policy {
  return policy(
    ...transportAndPerimeter(guards.location),
    ...deletion(guards.location),
    ...writing(guards.location),
    limitStorageClass(guards.location, guards.storageClasses),
    ...retention(guards.location, guards.retentionCapDays),
    ...encryption(guards.location),
    ...reading(guards.location),
    ...(guards.detached ? [freeze(guards.location)] : []),
  )
}

function everything(location: VaultLocation): string[] {
  return [bucketArn(vaultBucketName(location)), objects(location)]
}

function objects(location: VaultLocation): string {
  return `${bucketArn(vaultBucketName(location))}/*`
}

function deny(
  sid: string,
  actions: readonly string[],
  resources: readonly string[],
  condition?: Statement['Condition'],
): Statement {
  const statement: Statement = {
    Sid: sid,
    Effect: 'Deny',
    Principal: '*',
    Action: actions,
    Resource: resources,
  }
  return condition === undefined ? statement : { ...statement, Condition: condition }
}

function transportAndPerimeter(location: VaultLocation): Statement[] {
  return [
    deny('DenyPlainText', ['s3:*'], everything(location), { Bool: { 'aws:SecureTransport': 'false' } }),
    // Every role of the vault is in its own account, so no other account and no AWS service needs access.
    deny('DenyOtherAccounts', ['s3:*'], everything(location), {
      StringNotEquals: { 'aws:PrincipalAccount': location.accountId },
    }),
  ]
}

function deletion(location: VaultLocation): Statement[] {
  return [
    // Object Lock allows delete markers even in COMPLIANCE mode, and `If-None-Match: *` succeeds over a
    // marker.
    deny('DenyDeleteMarkers', ['s3:DeleteObject'], [objects(location)]),
    deny(
      'DenyVersionDeletes',
      ['s3:DeleteObjectVersion'],
      [objects(location)],
      exceptDuties(location, ['custodian']),
    ),
    deny('DenyBypass', ['s3:BypassGovernanceRetention'], [objects(location)]),
  ]
}

function writing(location: VaultLocation): Statement[] {
  const put = ['s3:PutObject']
  return [
    // No exemption, which also rejects multipart uploads: CreateMultipartUpload and UploadPart can't send the
    // header.
    deny('RequireIfNoneMatch', put, [objects(location)], { Null: { 's3:if-none-match': 'true' } }),
    // False for the steps of a multipart upload. S3 dates such an object by its first step, so a writer could
    // backdate a backup.
    deny('DenyMultipart', put, [objects(location)], { Bool: { 's3:ObjectCreationOperation': 'false' } }),
    {
      Sid: 'DenyOtherSources',
      Effect: 'Deny',
      Principal: '*',
      Action: put,
      NotResource: [`${bucketArn(vaultBucketName(location))}/${sourcePrefix(principalTag(sourceTag))}*`],
      Condition: { ArnLike: { 'aws:PrincipalArn': anyWriterArn(location.accountId) } },
    },
    deny('DenyAclWrites', ['s3:PutObjectAcl', 's3:PutObjectVersionAcl'], [objects(location)]),
    // An annotation of up to 1 MiB can be put on a locked version and deleted from it. No duty uses them.
    deny(
      'DenyAnnotations',
      [
        's3:DeleteObject*Annotation',
        's3:GetObject*Annotation',
        's3:ListObject*Annotations',
        's3:PutObject*Annotation',
        's3:ReplicateObjectAnnotation',
      ],
      [objects(location)],
    ),
    // A replica keeps the retention of its source bucket, which overrides this bucket's default.
    deny(
      'DenyReplicas',
      ['s3:ReplicateObject', 's3:ReplicateDelete', 's3:ReplicateTags'],
      [objects(location)],
    ),
  ]
}

/**
 * A writer could put its uploads into an archive, which a reader has to restore for hours, and which is billed for
 * months. A class in one zone can lose its objects.
 */
function limitStorageClass(location: VaultLocation, classes: readonly StorageClass[]): Statement {
  return deny('DenyStorageClasses', ['s3:PutObject'], [objects(location)], {
    Null: { 's3:x-amz-storage-class': 'false' },
    StringNotEquals: { 's3:x-amz-storage-class': classes },
  })
}

function retention(location: VaultLocation, capDays: number): Statement[] {
  const put = ['s3:PutObject']
  const extend = ['s3:PutObjectRetention']
  const present = (key: string) => ({ Null: { [key]: 'false' } })
  return [
    // S3 accepts the mode only together with a date, so this covers `x-amz-object-lock-retain-until-date` as
    // well.
    deny('DenyLockHeaders', put, [objects(location)], present('s3:object-lock-mode')),
    deny('DenyLegalHoldHeader', put, [objects(location)], present('s3:object-lock-legal-hold')),
    deny('DenyEventHoldHeader', put, [objects(location)], present('s3:object-lock-event-hold')),
    deny('DenyLegalHolds', ['s3:PutObjectLegalHold'], [objects(location)]),
    deny('DenyEventHolds', extend, [objects(location)], present('s3:object-lock-event-hold')),
    deny('DenyRetentionWrites', extend, [objects(location)], exceptDuties(location, ['custodian'])),
    deny('CapRetention', extend, [objects(location)], {
      NumericGreaterThan: { 's3:object-lock-remaining-retention-days': String(capDays) },
    }),
  ]
}

function encryption(location: VaultLocation): Statement[] {
  const put = ['s3:PutObject']
  return [
    deny('DenyCustomerKeys', put, [objects(location)], {
      Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'false' },
    }),
    // The Null condition admits requests without the header, which get the bucket's default, SSE-S3. Without
    // it, a missing key counts as unequal.
    deny('DenyForeignKeys', put, [objects(location)], {
      Null: { 's3:x-amz-server-side-encryption': 'false' },
      StringNotEquals: { 's3:x-amz-server-side-encryption': 'AES256' },
    }),
    deny('DenyEncryptionUpdates', ['s3:UpdateObjectEncryption'], [objects(location)]),
  ]
}

function reading(location: VaultLocation): Statement[] {
  // Not `s3:ListBucket`, because Pulumi's AWS provider calls HeadBucket, which IAM checks as the same action.
  const reads = [
    's3:GetObject',
    's3:GetObjectVersion',
    's3:GetObjectAttributes',
    's3:GetObjectVersionAttributes',
    's3:ListBucketVersions',
  ]
  return [deny('DenyReadsExceptReaders', reads, everything(location), exceptDuties(location, duties))]
}

function freeze(location: VaultLocation): Statement {
  return deny('FreezeVaultBucket', frozenBucketActions, [bucketArn(vaultBucketName(location))])
}

function exceptDuties(
  location: VaultLocation,
  exemptDuties: readonly (typeof duties)[number][],
): Statement['Condition'] {
  return {
    ArnNotEquals: { 'aws:PrincipalArn': exemptDuties.map((duty) => dutyRoleArn(location.accountId, duty)) },
  }
}
