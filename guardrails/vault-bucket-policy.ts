// The vault bucket's own policy: nothing but denies, none of which spares a deployer. Who may do what is for the roles
// to say; this says what nobody may, whatever roles come later.
import { frozenBucketActions } from './frozen-actions.ts'
import { anyWriterArn, bucketArn, duties, dutyRoleArn, sourceTag, vaultBucketName } from './names.ts'
import { policy, principalTag } from './policy.ts'
import type { Policy, Statement } from './policy.ts'
import type { VaultPlace } from './names.ts'

export interface VaultBucketGuards {
  place: VaultPlace
  /** The custodian may set a lock that ends at most this many days from now: a 100-year lock is a bill. */
  retentionCapDays: number
  /**
   * True without an Organization: the configuration is then frozen here, where only the account's root can thaw it.
   * With one, the freeze is a service control policy, which binds root too and can be thawed for a time.
   */
  detached: boolean
}

export function vaultBucketPolicy(guards: VaultBucketGuards): Policy {
  return policy(
    ...transportAndPerimeter(guards.place),
    ...deletion(guards.place),
    ...writing(guards.place),
    ...retention(guards.place, guards.retentionCapDays),
    ...encryption(guards.place),
    ...reading(guards.place),
    ...(guards.detached ? [freeze(guards.place)] : []),
  )
}

function everything(place: VaultPlace): string[] {
  return [bucketArn(vaultBucketName(place)), objects(place)]
}

function objects(place: VaultPlace): string {
  return `${bucketArn(vaultBucketName(place))}/*`
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

function transportAndPerimeter(place: VaultPlace): Statement[] {
  return [
    deny('DenyPlainText', ['s3:*'], everything(place), { Bool: { 'aws:SecureTransport': 'false' } }),
    // Every role of the vault lives in its account, so nobody else is ever right, nor an AWS service on its own.
    deny('DenyOtherAccounts', ['s3:*'], everything(place), {
      StringNotEquals: { 'aws:PrincipalAccount': place.accountId },
    }),
  ]
}

function deletion(place: VaultPlace): Statement[] {
  return [
    // COMPLIANCE doesn't stop a delete marker, and `If-None-Match: *` succeeds over one.
    deny('DenyDeleteMarkers', ['s3:DeleteObject'], [objects(place)]),
    deny(
      'DenyVersionDeletes',
      ['s3:DeleteObjectVersion'],
      [objects(place)],
      exceptDuties(place, ['custodian']),
    ),
    deny('DenyBypass', ['s3:BypassGovernanceRetention'], [objects(place)]),
  ]
}

function writing(place: VaultPlace): Statement[] {
  const put = ['s3:PutObject']
  return [
    // Without exemption: CreateMultipartUpload and UploadPart can't carry the header, so this rules them out as well.
    deny('RequireIfNoneMatch', put, [objects(place)], { Null: { 's3:if-none-match': 'true' } }),
    // False for the steps of a multipart upload. An object made of parts is dated by its initiation: it can lie about time.
    deny('DenyMultipart', put, [objects(place)], { Bool: { 's3:ObjectCreationOperation': 'false' } }),
    {
      Sid: 'DenyOtherSources',
      Effect: 'Deny',
      Principal: '*',
      Action: put,
      NotResource: [`${bucketArn(vaultBucketName(place))}/sources/${principalTag(sourceTag)}/*`],
      Condition: { ArnLike: { 'aws:PrincipalArn': anyWriterArn(place.accountId) } },
    },
    deny('DenyAclWrites', ['s3:PutObjectAcl', 's3:PutObjectVersionAcl'], [objects(place)]),
    // A replica brings the retention of its source, over this bucket's default.
    deny('DenyReplicas', ['s3:ReplicateObject', 's3:ReplicateDelete', 's3:ReplicateTags'], [objects(place)]),
  ]
}

function retention(place: VaultPlace, capDays: number): Statement[] {
  const put = ['s3:PutObject']
  const extend = ['s3:PutObjectRetention']
  const present = (key: string) => ({ Null: { [key]: 'false' } })
  return [
    // S3 takes the mode only together with a date, so this covers `x-amz-object-lock-retain-until-date` as well.
    deny('DenyLockHeaders', put, [objects(place)], present('s3:object-lock-mode')),
    deny('DenyLegalHoldHeader', put, [objects(place)], present('s3:object-lock-legal-hold')),
    deny('DenyEventHoldHeader', put, [objects(place)], present('s3:object-lock-event-hold')),
    deny('DenyLegalHolds', ['s3:PutObjectLegalHold'], [objects(place)]),
    deny('DenyEventHolds', extend, [objects(place)], present('s3:object-lock-event-hold')),
    deny('DenyRetentionWrites', extend, [objects(place)], exceptDuties(place, ['custodian'])),
    deny('CapRetention', extend, [objects(place)], {
      NumericGreaterThan: { 's3:object-lock-remaining-retention-days': String(capDays) },
    }),
  ]
}

function encryption(place: VaultPlace): Statement[] {
  const put = ['s3:PutObject']
  return [
    deny('DenyCustomerKeys', put, [objects(place)], {
      Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'false' },
    }),
    // Without the header the bucket's default is taken, which is SSE-S3; and a missing key would count as unequal.
    deny('DenyForeignKeys', put, [objects(place)], {
      Null: { 's3:x-amz-server-side-encryption': 'false' },
      StringNotEquals: { 's3:x-amz-server-side-encryption': 'AES256' },
    }),
    deny('DenyEncryptionUpdates', ['s3:UpdateObjectEncryption'], [objects(place)]),
  ]
}

function reading(place: VaultPlace): Statement[] {
  // Not `s3:ListBucket`: the deployer's provider asks for HeadBucket, which IAM can't tell from listing.
  const reads = [
    's3:GetObject',
    's3:GetObjectVersion',
    's3:GetObjectAttributes',
    's3:GetObjectVersionAttributes',
    's3:ListBucketVersions',
  ]
  return [deny('DenyReadsExceptReaders', reads, everything(place), exceptDuties(place, duties))]
}

function freeze(place: VaultPlace): Statement {
  return deny('FreezeVaultBucket', frozenBucketActions, [bucketArn(vaultBucketName(place))])
}

function exceptDuties(place: VaultPlace, spared: readonly (typeof duties)[number][]): Statement['Condition'] {
  return { ArnNotEquals: { 'aws:PrincipalArn': spared.map((duty) => dutyRoleArn(place.accountId, duty)) } }
}
