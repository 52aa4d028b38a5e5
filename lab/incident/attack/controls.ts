// The same attacks without guards. Each must succeed there, or its refusal by the vault proves nothing.
import { EC2Client } from '@aws-sdk/client-ec2'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { evaluate } from '../../sandbox/authorization/evaluate.ts'
import type { Provisioned } from '../drill-context.ts'
import { connectS3, toSdk } from '../sessions.ts'
import { connectAccount } from './account-call.ts'
import { attempt, recordEvaluation } from './attempt.ts'
import type { AttemptFacts, AttemptRecord } from './attempt.ts'
import type { Wall } from './attack.ts'
import { MachinePark } from './campaign.ts'
import { ec2Attacks } from './ec2-attacks.ts'
import { moveTo } from './evaluated-attacks.ts'
import type { EvaluatedAttack } from './evaluated-attacks.ts'
import { s3Attacks } from './s3-attacks.ts'

const ownerName = 'the owner of an account without guards'
const nothing = () => ''

function factsOf(attack: string, wall: Wall, description: string, target: string): AttemptFacts {
  return { who: ownerName, path: [], attack, wall, what: description, target, duty: 'it is the owner' }
}

export async function attackControls(
  provisioned: Provisioned,
  elsewhere: readonly EvaluatedAttack[],
): Promise<AttemptRecord[]> {
  return [
    ...(await attackBuckets(provisioned)),
    ...(await attackMachinesOfOwn(provisioned)),
    ...(await evaluateOwn(provisioned, elsewhere)),
  ]
}

async function attackBuckets({ sandbox, region, controls, accounts }: Provisioned): Promise<AttemptRecord[]> {
  const place = { endpoint: sandbox.endpoint, region, clockOffsetMs: sandbox.clock.offsetMs }
  const credentials = sandbox.rootCredentials(accounts.outsider)
  const s3 = connectS3(place, credentials)
  const owner = { s3, callAccount: connectAccount(place, credentials) }
  const records: AttemptRecord[] = []
  for (const attack of s3Attacks) {
    const bucket = controls[attack.control]
    const key = `control/${attack.name}`
    const { VersionId: versionId = 'null' } = await s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: key, Body: attack.name }),
    )
    const target = {
      name: bucket,
      bucket,
      victim: { key, versionId },
      freshKey: `${key}-fresh`,
      nowMs: sandbox.clock.nowMs(),
      accountId: accounts.outsider,
      foreignKeyArn: controls.keyArn,
      loot: controls.plain,
    }
    // PreconditionFailed is no refusal here, because a bucket without guards also returns it for an existing key.
    const answers =
      attack.pastAuthorization === undefined ? {} : { pastAuthorization: attack.pastAuthorization }
    records.push(
      await attempt(
        factsOf(attack.name, attack.wall, attack.description, bucket),
        answers,
        () => attack.run(owner, target),
        nothing,
      ),
    )
  }
  s3.destroy()
  return records
}

async function attackMachinesOfOwn({ sandbox, region, accounts }: Provisioned): Promise<AttemptRecord[]> {
  const ec2 = new EC2Client({
    endpoint: sandbox.endpoint,
    region,
    maxAttempts: 1,
    systemClockOffset: sandbox.clock.offsetMs,
    credentials: toSdk(sandbox.rootCredentials(accounts.outsider)),
  })
  const park = new MachinePark(ec2, region)
  const records: AttemptRecord[] = []
  for (const attack of ec2Attacks) {
    const machine = await park.take(attack.environment)
    records.push(
      await attempt(
        factsOf(attack.name, 'production', attack.description, attack.environment),
        {},
        () => attack.run(ec2, machine),
        nothing,
      ),
    )
    if (attack.consumes) park.drop(attack.environment)
  }
  ec2.destroy()
  return records
}

function evaluateOwn(
  { sandbox, authorizer, accounts }: Provisioned,
  elsewhere: readonly EvaluatedAttack[],
): Promise<AttemptRecord[]> {
  const principal = sandbox.credentials.find(
    sandbox.rootCredentials(accounts.outsider).accessKeyId,
  )?.principal
  if (principal === undefined) throw new Error('the outsider has no principal')
  return Promise.all(
    elsewhere.map(async ({ name, description, action, resource, context = {} }) => {
      const ownResource = moveTo(resource, accounts.outsider)
      const policy = action.startsWith('kms:') ? keyPolicy(accounts.outsider) : null
      const decision = await evaluate(authorizer, {
        principal,
        action,
        resource: ownResource,
        context,
        target: { accountId: accounts.outsider, policy },
      })
      return recordEvaluation(factsOf(name, 'elsewhere', description, ownResource), decision)
    }),
  )
}

/** KMS's default key policy. Without a key policy no principal may use the key. */
function keyPolicy(accountId: string): Record<string, unknown> {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'Owner',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${accountId}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  }
}
