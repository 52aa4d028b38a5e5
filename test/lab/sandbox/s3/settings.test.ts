import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  DeletePublicAccessBlockCommand,
  GetBucketAclCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketPolicyStatusCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  PutBucketAclCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketReplicationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { bucket, codeOf, declareCloud, productionAccount, region, rootOf, startWorld } from '../world.ts'

const block = {
  blockPublicAcls: true,
  ignorePublicAcls: true,
  blockPublicPolicy: true,
  restrictPublicBuckets: true,
}
const sandbox = await startWorld({
  declaration: declareCloud([
    bucket('vault', {
      publicAccessBlock: block,
      tags: { owner: 'a&b' },
      lifecycleRules: [
        {
          id: 'abort',
          status: 'Enabled',
          filter: { prefix: '' },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
        },
      ],
    }),
    bucket('open', { ownership: 'ObjectWriter' }),
    bucket('unversioned', { versioning: null }),
  ]),
})
const client = rootOf(sandbox)
const vault = { Bucket: 'vault' }
const statement = (input: object) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Principal: '*',
      Action: 's3:GetObject',
      Resource: 'arn:aws:s3:::vault/*',
      ...input,
    },
  })

describe('a declared bucket', () => {
  test('matches its declaration', async () => {
    expect((await client.send(new GetBucketVersioningCommand(vault))).Status).toBe('Enabled')
    expect((await client.send(new GetBucketTaggingCommand(vault))).TagSet).toEqual([
      { Key: 'owner', Value: 'a&b' },
    ])
    expect(
      (await client.send(new GetPublicAccessBlockCommand(vault))).PublicAccessBlockConfiguration
        ?.RestrictPublicBuckets,
    ).toBe(true)
    expect((await client.send(new GetBucketLocationCommand(vault))).LocationConstraint).toBe(region)
    const { Rules } = await client.send(new GetBucketLifecycleConfigurationCommand(vault))
    expect(Rules).toEqual([
      expect.objectContaining({
        ID: 'abort',
        Status: 'Enabled',
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
      }),
    ])
    expect(
      (await client.send(new GetBucketOwnershipControlsCommand(vault))).OwnershipControls?.Rules?.[0]
        ?.ObjectOwnership,
    ).toBe('BucketOwnerEnforced')
    expect((await client.send(new HeadBucketCommand(vault))).BucketRegion).toBe(region)
    expect((await client.send(new GetBucketAclCommand(vault))).Grants).toHaveLength(1)
  })

  test('is listed only to its own account', async () => {
    expect((await client.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).toEqual([
      'open',
      'unversioned',
      'vault',
    ])
    expect((await rootOf(sandbox, productionAccount).send(new ListBucketsCommand({}))).Buckets ?? []).toEqual(
      [],
    )
  })
})

describe('a principal that the policies allow can write settings that weaken a bucket', () => {
  test('the policy: a public one is blocked by the public access block, a malformed one always', async () => {
    const put = (Policy: string) => client.send(new PutBucketPolicyCommand({ ...vault, Policy }))
    expect(await codeOf(put(statement({})))).toBe('AccessDenied')
    for (const invalid of [
      'no json',
      '[]',
      '{}',
      statement({ Effect: 'Maybe' }),
      statement({ Resource: 'arn:aws:s3:::other/*' }),
      statement({ Action: 'iam:*' }),
      statement({ Principal: undefined }),
    ]) {
      expect(await codeOf(put(invalid))).toBe('MalformedPolicy')
    }
    await client.send(new DeletePublicAccessBlockCommand(vault))
    await put(statement({}))
    expect((await client.send(new GetBucketPolicyStatusCommand(vault))).PolicyStatus?.IsPublic).toBe(true)
    await client.send(new DeleteBucketPolicyCommand(vault))
    expect(await codeOf(client.send(new GetBucketPolicyCommand(vault)))).toBe('NoSuchBucketPolicy')
    await client.send(
      new PutPublicAccessBlockCommand({
        ...vault,
        PublicAccessBlockConfiguration: { BlockPublicAcls: true },
      }),
    )
    expect(
      (await client.send(new GetPublicAccessBlockCommand(vault))).PublicAccessBlockConfiguration,
    ).toEqual({
      BlockPublicAcls: true,
      IgnorePublicAcls: false,
      BlockPublicPolicy: false,
      RestrictPublicBuckets: false,
    })
  })

  test('the default encryption changes the key of later writes', async () => {
    const KMSMasterKeyID = `arn:aws:kms:${region}:${productionAccount}:key/absent`
    const rule = (settings: object) => ({
      ...vault,
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: settings as { SSEAlgorithm: 'aws:kms' } }],
      },
    })
    await client.send(new PutBucketEncryptionCommand(rule({ SSEAlgorithm: 'aws:kms', KMSMasterKeyID })))
    expect(await codeOf(client.send(new PutObjectCommand({ ...vault, Key: 'k', Body: 'x' })))).toBe(
      'KMS.NotFoundException',
    )
    await client.send(new PutBucketEncryptionCommand(rule({ SSEAlgorithm: 'aws:kms' })))
    await client.send(new PutObjectCommand({ ...vault, Key: 'k', Body: 'x' }))
    expect((await client.send(new HeadObjectCommand({ ...vault, Key: 'k' }))).ServerSideEncryption).toBe(
      'aws:kms',
    )
    expect(
      (await client.send(new GetBucketEncryptionCommand(vault))).ServerSideEncryptionConfiguration?.Rules?.[0]
        ?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm,
    ).toBe('aws:kms')
  })

  test('lifecycle, replication, versioning and access control lists are stored as sent', async () => {
    const Rules = [{ ID: 'x', Status: 'Enabled' as const, Filter: { Prefix: '' }, Expiration: { Days: 1 } }]
    await client.send(
      new PutBucketLifecycleConfigurationCommand({ ...vault, LifecycleConfiguration: { Rules } }),
    )
    expect(
      (await client.send(new GetBucketLifecycleConfigurationCommand(vault))).Rules?.[0]?.Expiration?.Days,
    ).toBe(1)
    const replication = {
      Role: 'arn:aws:iam::1:role/r',
      Rules: [{ Status: 'Enabled' as const, Destination: { Bucket: 'arn:aws:s3:::x' } }],
    }
    await client.send(new PutBucketReplicationCommand({ ...vault, ReplicationConfiguration: replication }))
    expect(
      await codeOf(
        client.send(
          new PutBucketReplicationCommand({ Bucket: 'unversioned', ReplicationConfiguration: replication }),
        ),
      ),
    ).toBe('InvalidRequest')
    expect(await codeOf(client.send(new PutBucketAclCommand({ ...vault, ACL: 'public-read' })))).toBe(
      'AccessControlListNotSupported',
    )
    await client.send(new PutBucketAclCommand({ Bucket: 'open', ACL: 'public-read' }))
    expect((await client.send(new GetBucketAclCommand({ Bucket: 'open' }))).Grants).toHaveLength(2)
    await client.send(
      new PutBucketOwnershipControlsCommand({
        Bucket: 'open',
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      }),
    )
    expect(await codeOf(client.send(new PutBucketAclCommand({ Bucket: 'open', ACL: 'private' })))).toBe(
      'AccessControlListNotSupported',
    )
  })

  test('suspended versioning replaces the null version, and keeps the others', async () => {
    const target = { Bucket: 'open', Key: 'k' }
    const stored = await client.send(new PutObjectCommand({ ...target, Body: 'kept' }))
    await client.send(
      new PutBucketVersioningCommand({ Bucket: 'open', VersioningConfiguration: { Status: 'Suspended' } }),
    )
    for (const Body of ['a', 'b'])
      expect((await client.send(new PutObjectCommand({ ...target, Body }))).VersionId).toBe('null')
    expect(
      (await client.send(new HeadObjectCommand({ ...target, VersionId: stored.VersionId }))).ContentLength,
    ).toBe(4)
    expect((await client.send(new HeadObjectCommand(target))).VersionId).toBe('null')
  })
})

describe('buckets', () => {
  test('are created once, with a lock on request, and deleted only when empty', async () => {
    const make = (Bucket: string, input: object = {}) =>
      client.send(
        new CreateBucketCommand({
          Bucket,
          CreateBucketConfiguration: { LocationConstraint: region },
          ...input,
        }),
      )
    await make('made', { ObjectLockEnabledForBucket: true })
    expect((await client.send(new GetBucketVersioningCommand({ Bucket: 'made' }))).Status).toBe('Enabled')
    expect(await codeOf(make('made'))).toBe('BucketAlreadyOwnedByYou')
    expect(
      await codeOf(
        rootOf(sandbox, productionAccount).send(
          new CreateBucketCommand({
            Bucket: 'made',
            CreateBucketConfiguration: { LocationConstraint: region },
          }),
        ),
      ),
    ).toBe('BucketAlreadyExists')
    expect(
      await codeOf(make('elsewhere', { CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } })),
    ).toBe('IllegalLocationConstraintException')
    for (const name of ['UPPER', 'ab', 'a..b', '-dash', '10.0.0.1', 'under_score'])
      expect(await codeOf(make(name))).toBe('InvalidBucketName')
    await client.send(new PutObjectCommand({ Bucket: 'made', Key: 'k', Body: 'x' }))
    expect(await codeOf(client.send(new DeleteBucketCommand({ Bucket: 'made' })))).toBe('BucketNotEmpty')
    await make('empty')
    const { UploadId } = await client.send(
      new CreateMultipartUploadCommand({ Bucket: 'empty', Key: 'unfinished' }),
    )
    await client.send(
      new UploadPartCommand({ Bucket: 'empty', Key: 'unfinished', UploadId, PartNumber: 1, Body: 'x' }),
    )
    await client.send(new DeleteBucketCommand({ Bucket: 'empty' }))
    expect(await codeOf(client.send(new DeleteBucketCommand({ Bucket: 'empty' })))).toBe('NoSuchBucket')
    expect(sandbox.defects).toEqual([])
  })
})
