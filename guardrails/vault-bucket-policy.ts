// The vault bucket's own policy: nothing but denies, none of which spares a deployer. Who may do what is for the roles
// to say; this says what nobody may, whatever roles come later.
import { frozenBucketActions } from './frozen-actions.ts'
import { anyWriterArn, bucketArn, duties, dutyRoleArn, sourceTag, vaultBucketName } from './names.ts'
import { policy, principalTag } from './policy.ts'
import type { Policy, Statement } from './policy.ts'
import type { VaultLocation } from './names.ts'

export interface VaultBucketGuards {
  location: VaultLocation
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
    ...transportAndPerimeter(guards.location),
    ...deletion(guards.location),
    ...writing(guards.location),
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
    // Every role of the vault lives in its account, so nobody else is ever right, nor an AWS service on its own.
    deny('DenyOtherAccounts', ['s3:*'], everything(location), {
      StringNotEquals: { 'aws:PrincipalAccount': location.accountId },
    }),
  ]
}

function deletion(location: VaultLocation): Statement[] {
  return [
    // COMPLIANCE doesn't stop a delete marker, and `If-None-Match: *` succeeds over one.
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
    // Without exemption: CreateMultipartUpload and UploadPart can't carry the header, so this rules them out as well.
    deny('RequireIfNoneMatch', put, [objects(location)], { Null: { 's3:if-none-match': 'true' } }),
    // False for the steps of a multipart upload. An object made of parts is dated by its initiation: it can lie about time.
    deny('DenyMultipart', put, [objects(location)], { Bool: { 's3:ObjectCreationOperation': 'false' } }),
    {
      Sid: 'DenyOtherSources',
      Effect: 'Deny',
      Principal: '*',
      Action: put,
      NotResource: [`${bucketArn(vaultBucketName(location))}/sources/${principalTag(sourceTag)}/*`],
      Condition: { ArnLike: { 'aws:PrincipalArn': anyWriterArn(location.accountId) } },
    },
    deny('DenyAclWrites', ['s3:PutObjectAcl', 's3:PutObjectVersionAcl'], [objects(location)]),
    // A replica brings the retention of its source, over this bucket's default.
    deny(
      'DenyReplicas',
      ['s3:ReplicateObject', 's3:ReplicateDelete', 's3:ReplicateTags'],
      [objects(location)],
    ),
  ]
}

function retention(location: VaultLocation, capDays: number): Statement[] {
  const put = ['s3:PutObject']
  const extend = ['s3:PutObjectRetention']
  const present = (key: string) => ({ Null: { [key]: 'false' } })
  return [
    // S3 takes the mode only together with a date, so this covers `x-amz-object-lock-retain-until-date` as well.
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
    // Without the header the bucket's default is taken, which is SSE-S3; and a missing key would count as unequal.
    deny('DenyForeignKeys', put, [objects(location)], {
      Null: { 's3:x-amz-server-side-encryption': 'false' },
      StringNotEquals: { 's3:x-amz-server-side-encryption': 'AES256' },
    }),
    deny('DenyEncryptionUpdates', ['s3:UpdateObjectEncryption'], [objects(location)]),
  ]
}

function reading(location: VaultLocation): Statement[] {
  // Not `s3:ListBucket`: the deployer's provider asks for HeadBucket, which IAM can't tell from listing.
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
