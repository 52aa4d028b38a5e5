import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isHoldfastError } from '../../core/errors.ts'
import { readConfig } from '../../infra/config-reader.ts'
import { armingPhrase } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import { exampleConfig, withoutOrganization } from '../../lab/sandbox/loader/example-config.ts'

const nowMs = Date.UTC(2026, 0, 1)
const good = { ...exampleConfig, layer: 'vault' }

function read(changes: Record<string, unknown>, without: string[] = []): HoldfastConfig {
  const raw: Record<string, unknown> = { ...good, ...changes }
  for (const key of without) delete raw[key]
  return readConfig(raw, nowMs)
}

function refusal(changes: Record<string, unknown>, without: string[] = []): string {
  try {
    read(changes, without)
  } catch (error) {
    if (isHoldfastError(error, 'invalid-input')) return error.message
    throw error
  }
  return 'accepted'
}

const source = (name: string, trust: unknown = { awsRoleArn: 'arn:aws:iam::222222222222:role/w' }) => ({
  name,
  trust,
})
const oidc = (changes: object) => ({
  oidc: { issuer: 'https://oidc.example.com', audience: 'a', subject: 's', ...changes },
})
const human = (name: string) => `arn:aws:iam::222222222222:role/people/${name}`
const agent = (changes: object) => ({ name: 'a', environment: 'staging', may: ['ec2:*'], ...changes })

const daily = { tag: 'backup=daily', schedule: 'daily', retentionDays: 35 }

describe('what is refused, before anything is touched', () => {
  it.each([
    [
      'the same account twice',
      { productionAccountId: '111111111111', breakGlass: [], launchers: [], administrators: [] },
      "holdfast:vaultAccountId: is production's account too",
    ],
    [
      'production as management account',
      { managementAccountId: '222222222222' },
      'holdfast:productionAccountId: is the management account',
    ],
    [
      'the vault as management account',
      { managementAccountId: '111111111111' },
      'holdfast:vaultAccountId: is the management account',
    ],
    [
      'an account id of eleven digits',
      { vaultAccountId: '11111111111' },
      'holdfast:vaultAccountId: set it to the twelve digits',
    ],
    [
      'an account id as a number',
      { vaultAccountId: 111111111111 },
      'holdfast:vaultAccountId: set it to the twelve digits',
    ],
    [
      'copies to another account without an organization',
      { native: [daily], detached: true, organizationId: '', managementAccountId: '' },
      'holdfast:native: AWS Backup copies into another account only within an Organization',
    ],
    [
      'copies before the vault is armed',
      { native: [daily], arm: '' },
      'holdfast:native: AWS locks each copy',
    ],
    [
      'two entries for one tag',
      { native: [daily, { ...daily, retentionDays: 90 }] },
      'holdfast:native: "backup-daily" is listed twice',
    ],
    [
      'a tag without a value',
      { native: [{ ...daily, tag: 'backup' }] },
      'holdfast:native[0].tag: must be a tag as KEY=VALUE',
    ],
    [
      'copies that AWS would refuse to keep',
      { native: [{ ...daily, retentionDays: 6 }] },
      'holdfast:native[0].retentionDays: must be at least 7 days',
    ],
    [
      'copies for longer than the vault takes',
      { native: [{ ...daily, retentionDays: 3651 }] },
      'holdfast:native[0].retentionDays: must be at most 3650 days',
    ],
    [
      'a schedule of its own',
      { native: [{ ...daily, schedule: 'cron(0 3 * * ? *)' }] },
      'holdfast:native[0].schedule: must be hourly',
    ],
    ['an unknown layer', { layer: 'staging' }, 'holdfast:layer: set it to organization, vault or production'],
    ["a region that doesn't exist", { region: 'eu-central-9' }, 'holdfast:region: is not a region of AWS'],
    [
      'a region of another partition',
      { region: 'us-gov-west-1' },
      'holdfast:region: is in another partition',
    ],
    ["an organization's id that is none", { organizationId: 'r-root' }, 'holdfast:organizationId: '],
    ['no promise', { promiseDays: 0, arm: '' }, 'holdfast:promiseDays: must be at least 1 day'],
    [
      'a promise of 100 years',
      { promiseDays: 36_500, arm: '' },
      'holdfast:promiseDays: must be at most 3650 days',
    ],
    ['half a day', { promiseDays: 1.5, arm: '' }, 'holdfast:promiseDays: '],
    ['no generation', { generationDays: 0, arm: '' }, 'holdfast:generationDays: '],
    [
      'a cap below the retention',
      { retentionCapDays: 40 },
      'holdfast:retentionCapDays: must be more than promiseDays and generationDays together (40)',
    ],
    [
      'arming another bucket',
      { arm: armingPhrase('some-bucket', 40) },
      'holdfast:arm: must read exactly "lock holdfast-vault-111111111111-eu-central-1 in COMPLIANCE for 40 days"',
    ],
    [
      "a namespace of the buckets' names that the region lacks",
      { bucketNamespace: 'account-regional', regions: ['me-central-1'], arm: '', vaultBucket: '' },
      'holdfast:bucketNamespace: must be global, because AWS has no other namespace in me-central-1',
    ],
    [
      "a namespace that AWS doesn't have",
      { bucketNamespace: 'organization' },
      'holdfast:bucketNamespace: must be global or account-regional',
    ],
    ['arming by a yes', { arm: 'yes' }, 'holdfast:arm: must read exactly'],
    ['arming for other days', { promiseDays: 60 }, 'holdfast:arm: must read exactly'],
    [
      'a vault bucket that would be replaced, for the region was changed',
      { region: 'eu-west-1', arm: '', image: '' },
      'holdfast:vaultBucket: is "holdfast-vault-111111111111-eu-central-1", but account, region and namespace give holdfast-vault-111111111111-eu-west-1, which would replace the vault',
    ],
    [
      'a vault bucket that would be replaced, for the account was changed',
      { vaultAccountId: '555555555555', arm: '', image: '', restorers: [], runners: [] },
      'holdfast:vaultBucket: is "holdfast-vault-111111111111-eu-central-1"',
    ],
    [
      'an armed vault whose region was changed',
      { region: 'eu-west-1', vaultBucket: '', image: '' },
      'holdfast:arm: must read exactly "lock holdfast-vault-111111111111-eu-west-1',
    ],
    [
      'an image by tag',
      { image: '111111111111.dkr.ecr.eu-central-1.amazonaws.com/holdfast:1.0' },
      'holdfast:image: set it to the image by digest',
    ],
    [
      'an image of a public registry',
      { image: `docker.io/library/node@sha256:${'0'.repeat(64)}` },
      'holdfast:image: set it to the image by digest',
    ],
    [
      "an image of production's registry",
      { image: `222222222222.dkr.ecr.eu-central-1.amazonaws.com/holdfast@sha256:${'0'.repeat(64)}` },
      "holdfast:image: must come from the vault's own registry, 111111111111.dkr.ecr.eu-central-1.amazonaws.com/holdfast@sha256:…",
    ],
    [
      'an image of another repository',
      { image: `111111111111.dkr.ecr.eu-central-1.amazonaws.com/holdfast-x@sha256:${'0'.repeat(64)}` },
      "holdfast:image: must come from the vault's own registry",
    ],
    [
      'a restore test without an image to run it',
      { image: '' },
      'holdfast:image: name the image that runs restore tests, or set holdfast:examine to false',
    ],
    [
      'restore tests without a source to start',
      { sources: [source('a')] },
      'holdfast:sources: no source has the kind postgres, so no restore test can run',
    ],
    [
      'a kind of source that there is none of',
      { sources: [{ ...source('a'), kind: 'mysql' }] },
      'holdfast:sources[0].kind: must be volume, or postgres',
    ],
    ['a restore test that is neither on nor off', { examine: 'yes' }, 'holdfast:examine: '],
    [
      'a parent of units that is none',
      { organizationParentId: 'o-example0001' },
      "holdfast:organizationParentId: set it to the id of the organization's root",
    ],
    [
      'a retention of nothing',
      { promiseDays: 0, generationDays: 0, arm: '' },
      'holdfast:promiseDays: must be at least 1 day',
    ],
    [
      'an agent called like the command that ends its sessions',
      { agents: [agent({ name: 'revoke' })] },
      'holdfast:agents[0].name: ',
    ],
    [
      "a further region that doesn't exist",
      { regions: ['eu-west-9'] },
      'holdfast:regions[0]: is not a region of AWS',
    ],
    [
      'a further region of another partition',
      { regions: ['cn-north-1'] },
      'holdfast:regions[0]: is in another partition',
    ],
    [
      "a further region that is the stack's own",
      { regions: ['eu-central-1'] },
      'holdfast:regions: "eu-central-1" is listed twice',
    ],
    [
      'a further region twice',
      { regions: ['eu-west-1', 'eu-west-1'] },
      'holdfast:regions: "eu-west-1" is listed twice',
    ],
    [
      'a source where there is no vault',
      { sources: [{ ...source('a'), region: 'eu-west-1' }] },
      'holdfast:sources: a has the region eu-west-1, which has no vault',
    ],
    [
      'a thaw of two days',
      { thawUntil: '2026-01-03T00:00:00Z' },
      'holdfast:thawUntil: must be within the next 24 hours',
    ],
    [
      'a thaw without zone',
      { thawUntil: '2026-01-01T12:00:00' },
      'holdfast:thawUntil: give an ISO 8601 time with zone',
    ],
    [
      'an archive as storage class',
      { storageClasses: ['DEEP_ARCHIVE'] },
      'holdfast:storageClasses[0]: must be STANDARD or INTELLIGENT_TIERING',
    ],
    [
      'data events of a type that CloudTrail has none of',
      { dataEvents: ['AWS::EC2::Volume'] },
      'holdfast:dataEvents[0]: must be a type of resource whose data events CloudTrail records',
    ],
    [
      'storage classes without the one that S3 gives by default',
      { storageClasses: ['INTELLIGENT_TIERING'] },
      'holdfast:storageClasses: name STANDARD',
    ],
    ['no storage class', { storageClasses: [] }, 'holdfast:storageClasses: name STANDARD'],
    [
      'a budget of nothing',
      { sources: [{ ...source('a'), budget: { gibPerDay: 0 } }] },
      'holdfast:sources[0].budget.gibPerDay: must be at least 1 GiB',
    ],
    [
      'more sources than the alarms of a region take',
      { sources: Array.from({ length: 51 }, (_, index) => ({ ...source(`s${index}`), kind: 'postgres' })) },
      'holdfast:sources: 51 sources have their backups in eu-central-1, and the alarms on one region',
    ],
    [
      "an address of on-call in a domain of production's",
      { alarmEmails: ['on-call@Mail.Rental.example'] },
      'holdfast:alarmEmails: on-call@Mail.Rental.example is at rental.example, whose mail or DNS production runs',
    ],
    [
      "a webhook in a domain of production's",
      { alarmWebhooks: ['https://rental.example/alarm'] },
      'holdfast:alarmWebhooks: https://rental.example/alarm is at rental.example',
    ],
    [
      "a webhook that names production's account",
      { alarmWebhooks: ['https://sqs.eu-central-1.amazonaws.com/222222222222/alarms'] },
      'holdfast:alarmWebhooks: https://sqs.eu-central-1.amazonaws.com/222222222222/alarms names the production account',
    ],
    [
      "no word on production's domains",
      { productionDomains: [] },
      'holdfast:productionDomains: name the domains whose mail or DNS production runs',
    ],
    [
      'a domain with a scheme',
      { productionDomains: ['https://rental.example'] },
      'holdfast:productionDomains[0]: must be a domain in lower case',
    ],
    [
      'an organization whose vault nobody could deploy to',
      { layer: 'organization', deployers: [] },
      'holdfast:deployers: name at least one role or user of the vault account',
    ],
    [
      'more deployers than the control policy has room for',
      {
        deployers: Array.from(
          { length: 300 },
          (_, index) => `arn:aws:iam::111111111111:role/people/deployer-${index}`,
        ),
      },
      'holdfast:deployers: with restorers and runners they make a control policy of ',
    ],
    [
      'a deployer of another account',
      { deployers: ['arn:aws:iam::222222222222:role/x'] },
      'holdfast:deployers: arn:aws:iam::222222222222:role/x is not in the vault account',
    ],
    ...['role/stacksets-exec-0123', 'role/stacksets-*', 'role/s*'].map(
      (name): [string, Record<string, unknown>, string] => [
        `a deployer that a stack set could be: ${name}`,
        { deployers: [`arn:aws:iam::111111111111:${name}`] },
        `holdfast:deployers: arn:aws:iam::111111111111:${name} admits the roles that stack sets`,
      ],
    ),
    ...[
      'role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_*',
      'role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Vault*',
      'role/aws-reserved/sso*',
    ].map((name): [string, Record<string, unknown>, string] => [
      `a restorer with any permission set: ${name}`,
      { restorers: [`arn:aws:iam::111111111111:${name}`] },
      `holdfast:restorers: arn:aws:iam::111111111111:${name} admits more than one permission set`,
    ]),
    ['no source', { sources: [] }, 'holdfast:sources: name at least one source'],
    [
      'an agent called as a word of the command',
      { agents: [agent({ name: 'revoke' })] },
      'holdfast:agents[0].name: is a subcommand of `holdfast agent-session`',
    ],
    [
      "an agent's session below AWS's shortest",
      { agents: [agent({ sessionSeconds: 899 })] },
      'holdfast:agents[0].sessionSeconds: must be at least 900 seconds',
    ],
    [
      "an agent's session of more than an hour",
      { agents: [agent({ sessionSeconds: 3601 })] },
      'holdfast:agents[0].sessionSeconds: must be at most 3600 seconds',
    ],
    [
      "an agent's session of half a second more",
      { agents: [agent({ sessionSeconds: 900.5 })] },
      'holdfast:agents[0].sessionSeconds: ',
    ],
    [
      'an approver who breaks the glass',
      { approvers: [human('operator')] },
      'holdfast:approvers: arn:aws:iam::222222222222:role/people/operator is also in breakGlass',
    ],
    [
      'an approver by a pattern that is met by who breaks the glass',
      { approvers: [human('op*')] },
      'holdfast:approvers: arn:aws:iam::222222222222:role/people/op* is also in breakGlass',
    ],
    [
      'an approver who is met by a pattern',
      { approvers: [human('manager')], breakGlass: [human('man*')] },
      'holdfast:approvers: arn:aws:iam::222222222222:role/people/manager is also in breakGlass',
    ],
    [
      'an approver of another account',
      { approvers: ['arn:aws:iam::333333333333:role/x'] },
      'holdfast:approvers: arn:aws:iam::333333333333:role/x is not in the production account',
    ],
    [
      'a responder of another account',
      { responders: ['arn:aws:iam::333333333333:role/x'] },
      'holdfast:responders: arn:aws:iam::333333333333:role/x is not in the production account',
    ],
    [
      'a source named twice',
      { sources: [source('a'), source('a')] },
      'holdfast:sources: "a" is listed twice',
    ],
    [
      'a source with capitals',
      { sources: [source('Rental')] },
      'holdfast:sources[0].name: use lower-case letters',
    ],
    [
      'a source that climbs',
      { sources: [source('../uploads')] },
      'holdfast:sources[0].name: use lower-case letters',
    ],
    [
      "a source with a policy's wildcard",
      { sources: [source('a*')] },
      'holdfast:sources[0].name: use lower-case letters',
    ],
    [
      'a source with a name of 49 characters',
      { sources: [source('a'.repeat(49))] },
      'holdfast:sources[0].name: at most 48',
    ],
    ['a source without trust', { sources: [{ name: 'a' }] }, 'holdfast:sources[0].trust: must be one of'],
    [
      'a source that trusts every role',
      { sources: [source('a', { awsRoleArn: 'arn:aws:iam::222222222222:role/*' })] },
      'holdfast:sources[0].trust.awsRoleArn: must be the ARN of one role',
    ],
    [
      'a source that trusts an account',
      { sources: [source('a', { awsRoleArn: 'arn:aws:iam::222222222222:root' })] },
      'holdfast:sources[0].trust.awsRoleArn: must be the ARN of one role',
    ],
    [
      "a source that trusts the vault's own roles",
      { sources: [source('a', { awsRoleArn: 'arn:aws:iam::111111111111:role/w' })] },
      "holdfast:sources: a trusts a role of the vault's own account",
    ],
    [
      'an issuer without TLS',
      { sources: [source('a', oidc({ issuer: 'http://oidc.example.com' }))] },
      'holdfast:sources[0].trust.oidc.issuer: must be the https URL',
    ],
    [
      'a subject with a wildcard',
      { sources: [source('a', oidc({ subject: 'repo:*' }))] },
      'holdfast:sources[0].trust.oidc.subject: must name one subject',
    ],
    ['no address for alarms', { alarmEmails: [] }, 'holdfast:alarmEmails: name at least one address'],
    [
      'an address that is none',
      { alarmEmails: ['on call'] },
      'holdfast:alarmEmails[0]: must be an e-mail address',
    ],
    [
      'a webhook without TLS',
      { alarmWebhooks: ['http://hooks.example.com'] },
      'holdfast:alarmWebhooks[0]: must be an https URL',
    ],
    [
      "alarms of a region that doesn't exist",
      { alarmRegions: ['mars-1'] },
      'holdfast:alarmRegions[0]: is not a region of AWS',
    ],
    [
      'silence of a month',
      { silenceHours: 720 },
      'holdfast:silenceHours: must be at most 168 hours, because CloudWatch looks back over 7 days only',
    ],
    [
      'a trail for 100 years',
      { auditRetentionDays: 36_500 },
      'holdfast:auditRetentionDays: must be at most 3650 days',
    ],
    [
      'a Recycle Bin that keeps nothing',
      { recycleBinDays: 0 },
      'holdfast:recycleBinDays: must be at least 1 day',
    ],
    ['a Recycle Bin of years', { recycleBinDays: 1000 }, 'holdfast:recycleBinDays: must be at most 365 days'],
    [
      'a Recycle Bin that is unlocked at once',
      { unlockDelayDays: 1 },
      'holdfast:unlockDelayDays: must be at least 7 days',
    ],
    ['no restorer', { restorers: [] }, 'holdfast:restorers: name at least one person who may restore'],
    [
      'everybody to restore',
      { restorers: ['arn:aws:iam::111111111111:role/*'] },
      'holdfast:restorers[0]: must be the ARN of a role or user',
    ],
    [
      'a restorer from production',
      { restorers: ['arn:aws:iam::222222222222:role/operator'] },
      'is not in the vault account 111111111111',
    ],
    [
      'a launcher from the vault',
      { launchers: ['arn:aws:iam::111111111111:role/launcher'] },
      'is not in the production account 222222222222',
    ],
    [
      'an agent that may everything',
      { agents: [agent({ may: ['*'] })] },
      'holdfast:agents[0].may[0]: must be an action',
    ],
    [
      'an agent that may every service',
      { agents: [agent({ may: ['*:*'] })] },
      'holdfast:agents[0].may[0]: must be an action',
    ],
    [
      'an agent that may identities',
      { agents: [agent({ may: ['iam:PassRole'] })] },
      'holdfast:agents[0].may[0]: must not be an action on identities',
    ],
    [
      'an agent of a service that the catalogue has not examined',
      { agents: [agent({ may: ['ec2:*', 'robomaker:CreateRobot'] })] },
      'holdfast:agents[0].may[1]: the catalogue has not examined the service robomaker: name a service of docs/catalogue.md',
    ],
    [
      'an agent that may an action that AWS has not',
      { agents: [agent({ may: ['ec2:DescribeVolmes'] })] },
      'holdfast:agents[0].may[0]: AWS has no such action: correct the name',
    ],
    [
      'an agent that may destroy',
      { agents: [agent({ may: ['ec2:DeleteVolume'] })] },
      'holdfast:agents[0].may[0]: no agent may do it (data: volume): remove it, and let people do it with break-glass',
    ],
    [
      'an agent that may a family that it would be denied',
      { agents: [agent({ may: ['s3:PutObject*'] })] },
      'holdfast:agents[0].may[0]: grants nothing, because each action that it matches overwrites or executes: name them without `*`',
    ],
    [
      'an agent whose boundary is larger than AWS takes',
      {
        agents: [
          agent({ may: ['ec2', 'rds', 's3', 'iot', 'chime', 'quicksight'].map((service) => `${service}:*`) }),
        ],
      },
      'holdfast:agents: the boundary of a would have ',
    ],
    [
      'agents of more services than a control policy has room for',
      {
        controlPolicyChars: 5120,
        agents: ['ec2', 'iot', 'quicksight', 'connect'].map((service) =>
          agent({ name: service, may: [`${service}:*`] }),
        ),
      },
      'holdfast:agents: what all agents together may use makes a control policy of ',
    ],
    [
      'another quota than AWS has',
      { controlPolicyChars: 20_000 },
      "holdfast:controlPolicyChars: must be AWS's quota for a service control policy",
    ],
    [
      'an agent that may nothing',
      { agents: [agent({ may: [] })] },
      'holdfast:agents[0].may: name at least one action',
    ],
    ['an agent named twice', { agents: [agent({}), agent({})] }, 'holdfast:agents: "a" is listed twice'],
    [
      'a key that was mistyped',
      { promisDays: 30 },
      "holdfast:promisDays: is no key of this program; holdfast:promiseDays is; remove it with `pulumi config rm 'holdfast:promisDays'`",
    ],
    [
      'a key that resembles none',
      { colour: 'red' },
      "holdfast:colour: is no key of this program; remove it with `pulumi config rm 'holdfast:colour'`",
    ],
    [
      'a mistyped key of a source',
      { sources: [{ ...source('s'), knid: 'postgres' }] },
      "holdfast:sources[0].knid: is no key of this program; remove it with `pulumi config rm --path 'holdfast:sources[0].knid'`",
    ],
    [
      'a role with a name that AWS has no room for',
      { restorers: [`arn:aws:iam::111111111111:role/${'r'.repeat(65)}`] },
      'holdfast:restorers[0]: has a name of more than 64 characters',
    ],
    [
      "the organization's layer without one",
      { layer: 'organization', detached: true },
      'holdfast:detached: excludes the organization layer',
    ],
    [
      'agents without a launcher',
      { layer: 'production', launchers: [] },
      'holdfast:launchers: name at least one launcher',
    ],
    [
      'production without break-glass',
      { layer: 'production', breakGlass: [] },
      'holdfast:breakGlass: name at least one person who may use break-glass',
    ],
  ])('%s', (_, changes, message) => {
    expect(refusal(changes)).toContain(message)
  })

  it.each([
    'layer',
    'region',
    'vaultAccountId',
    'productionAccountId',
    'organizationId',
    'managementAccountId',
  ])('a configuration without %s', (key) => {
    expect(refusal({}, [key])).toContain(`holdfast:${key}: `)
  })

  it('all at once, in one message', () => {
    const message = refusal({ managementAccountId: '222222222222', restorers: [], sources: [] })
    expect(message.match(/holdfast:\w+: /g)).toEqual([
      'holdfast:productionAccountId: ',
      'holdfast:sources: ',
      'holdfast:restorers: ',
    ])
  })

  it('with a hint that names the first key to change', () => {
    expect(() => read({ region: 'nowhere' })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('holdfast:region') as string }) as Error,
    )
  })

  it('any JSON value of any key, with an error that names the configuration', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(good)), fc.jsonValue(), (key, value) => {
        const answer = refusal({ [key]: value })
        expect(answer === 'accepted' || answer.startsWith('the configuration is invalid')).toBe(true)
      }),
    )
  })
})

describe('what is accepted', () => {
  it('locks in GOVERNANCE until it is armed, in COMPLIANCE then', () => {
    expect(read({ arm: '', native: [] })).toMatchObject({ lockMode: 'GOVERNANCE', retentionDays: 40 })
    expect(read({})).toMatchObject({ lockMode: 'COMPLIANCE', retentionDays: 40 })
  })

  it('fills in what is not said', () => {
    const config = read({}, ['promiseDays', 'generationDays', 'retentionCapDays', 'runners'])
    expect(config).toMatchObject({
      promiseDays: 30,
      generationDays: 10,
      retentionCapDays: 400,
      runners: [],
      detached: false,
      environmentTag: 'environment',
    })
  })

  it('takes an address of on-call elsewhere, and a production without domains', () => {
    const elsewhere = { alarmEmails: ['on-call@notrental.example'], productionDomains: ['rental.example'] }
    expect(read(elsewhere)).toMatchObject(elsewhere)
    expect(read({ productionDomains: ['none'] }).productionDomains).toEqual(['none'])
  })

  it('gives each source a budget', () => {
    expect(read({}).sources[0]!.budget).toEqual({ gibPerDay: 1024, objectsPerDay: 100_000 })
  })

  it('does without an Organization if that is said', () => {
    expect(read(withoutOrganization)).toMatchObject({
      detached: true,
    })
  })

  it('takes a thaw of a day, and one that is over', () => {
    expect(read({ thawUntil: '2026-01-02T00:00:00Z' }).thawUntil).toBe('2026-01-02T00:00:00Z')
    expect(read({ thawUntil: '2020-01-01T00:00:00+01:00' }).thawUntil).toBe('2020-01-01T00:00:00+01:00')
  })

  it("takes Identity Center's roles by the beginning of their name", () => {
    const restorers = [
      'arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Restore_*',
    ]
    expect(read({ restorers }).restorers).toEqual(restorers)
  })
})

describe('what goes together', () => {
  it('an approver and a break-glass person whose ARNs have different prefixes', () => {
    expect(read({ approvers: [human('operators')], breakGlass: [human('operator')] }).approvers).toEqual([
      human('operators'),
    ])
    expect(read({ approvers: [human('a*')], breakGlass: [human('b*')] }).breakGlass).toEqual([human('b*')])
  })

  it("an agent's sessions of fifteen minutes, unless it says otherwise, up to an hour", () => {
    expect(
      read({ agents: [agent({}), agent({ name: 'b', sessionSeconds: 3600 })] }).agents.map(
        ({ sessionSeconds }) => sessionSeconds,
      ),
    ).toEqual([900, 3600])
  })
})
