// Step 1: runs the infrastructure program, and starts the cloud that it declares.
import { chmod } from 'node:fs/promises'
import { TurnableClock } from '../../sandbox/clock.ts'
import type { CloudDeclaration, DeclaredBucket } from '../../sandbox/declaration.ts'
import { exampleAccounts, exampleConfig } from '../../sandbox/loader/example-config.ts'
import { loadDeclaration } from '../../sandbox/loader/loader.ts'
import type { ClaimFindings } from '../claims.ts'
import { startCloud } from '../cloud.ts'
import { day, directories } from '../drill-context.ts'
import type { DrillContext, Provisioned } from '../drill-context.ts'
import { isGuard, removeGuard } from '../guards/guard-removal.ts'
import { policiesHash } from '../report/examined-code.ts'

export async function provision(context: DrillContext): Promise<Provisioned> {
  const { ledger, timeline, report, config } = context
  const whole = await loadDeclaration({ config: config.values, isWhole: true })
  const program = isGuard(context.without) ? removeGuard(whole, context.without) : whole
  const { region } = exampleConfig
  const vault = program.buckets.find(({ name }) => name === config.vaultBucket)
  report.examined.policiesSha256 = policiesHash(program)
  report.accounts = program.accounts.map(({ id, name }) => ({ id, name }))
  report.notEmulated = program.notEmulated
  await ledger.examine('vault-in-account-of-its-own', () => examineAccount(program, vault))
  await ledger.examine('vault-locks-every-version', () => examineLock(vault, config.promiseDays))
  if (vault === undefined) throw new Error('the program declares no vault bucket')
  if (isGuard(context.without))
    timeline.note(`without the guard ${context.without}: it was taken out of what the program declares`)
  report.vault = {
    bucket: vault.name,
    accountId: vault.accountId,
    mode: vault.objectLock.default?.mode ?? 'none',
    days: vault.objectLock.default?.days ?? 0,
  }
  const controlKey = {
    accountId: exampleAccounts.outsider,
    arn: controlKeyArn(region),
    policy: everyoneMayUse,
  }
  const declaration = {
    ...program,
    buckets: [...program.buckets, ...controlBuckets(region)],
    keys: [...program.keys, controlKey],
  }
  const provisioned = await start(context, declaration, vault, region)
  timeline.note(
    `declared: ${program.buckets.length} buckets, ${program.roles.length} roles, ${program.accounts.length} accounts; vault ${vault.name}`,
  )
  for (const [type, resources] of Map.groupBy(program.notEmulated, ({ type }) => type)) {
    timeline.note(`not emulated here, so not tested: ${resources.length} × ${type}`)
  }
  return provisioned
}

async function start(
  context: DrillContext,
  declaration: CloudDeclaration,
  vault: DeclaredBucket,
  region: string,
): Promise<Provisioned> {
  // The replayed day lies in the past and ends now, so that no recovery point lies in the future.
  const clock = new TurnableClock(Date.now, -(day.betweenBackupsMs + day.fromBackupToWipeMs))
  const { sandbox, authorizer, sessions } = await startCloud({
    directory: directories(context).sandbox,
    declaration,
    clock,
    region,
    cleanup: context.cleanup,
    onRequest: (record) => context.meter.count(record),
  })
  // The database's user must reach its volume; all other directories stay closed.
  await chmod(directories(context).sandbox, 0o711)
  context.timeline.clock = clock
  return {
    declaration,
    sandbox,
    authorizer,
    sessions,
    vault,
    region,
    accounts: {
      vault: vault.accountId,
      production: exampleAccounts.production,
      outsider: exampleAccounts.outsider,
    },
    controls: { plain: controlNames.plain, governed: controlNames.governed, keyArn: controlKeyArn(region) },
  }
}

function examineAccount(
  { accounts, buckets, roles }: CloudDeclaration,
  vault: DeclaredBucket | undefined,
): ClaimFindings {
  if (vault === undefined) return { findings: ['no vault bucket is declared'], evidence: '' }
  const owner = accounts.find(({ id }) => id === vault.accountId)
  const findings: string[] = []
  if (vault.accountId === exampleAccounts.production)
    findings.push('the vault lies in the production account')
  if (owner === undefined) findings.push('the vault lies in an account that is not declared')
  if (owner?.isManagement === true)
    findings.push("the vault lies in the organization's management account, which no control policy binds")
  const strangers = buckets.filter(
    ({ accountId, name }) => accountId === vault.accountId && !name.startsWith('holdfast-'),
  )
  findings.push(
    ...strangers.map(({ name }) => `bucket ${name} is not Holdfast's, and lies in the vault account`),
  )
  const inVault = roles.filter(({ accountId }) => accountId === vault.accountId).length
  return { findings, evidence: `bucket in account ${vault.accountId}, with ${inVault} roles` }
}

function examineLock(vault: DeclaredBucket | undefined, promiseDays: number): ClaimFindings {
  const findings: string[] = []
  const { objectLock, versioning } = vault ?? {}
  const retention = objectLock?.default ?? null
  if (versioning !== 'Enabled') findings.push('versioning is not enabled')
  if (objectLock?.enabled !== true) findings.push('Object Lock is not enabled')
  if (retention === null) findings.push('there is no default retention')
  else if (retention.mode !== 'COMPLIANCE')
    findings.push(`the default retention is in ${retention.mode} mode`)
  if (retention !== null && retention.days <= promiseDays)
    findings.push(`${retention.days} days of retention don't exceed the promise of ${promiseDays}`)
  return {
    findings,
    evidence:
      retention === null ? '' : `${retention.mode}, ${retention.days} days for a promise of ${promiseDays}`,
  }
}

const controlNames = { plain: 'drill-control-plain', governed: 'drill-control-governed' } as const

function controlKeyArn(region: string): string {
  return `arn:aws:kms:${region}:${exampleAccounts.outsider}:key/00000000-0000-4000-8000-000000000000`
}

/** An intruder's key: every principal may encrypt with it until the intruder deletes it. */
const everyoneMayUse = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'Everyone', Effect: 'Allow', Principal: { AWS: '*' }, Action: 'kms:*', Resource: '*' }],
}

/** Buckets without guards, which show that each attack works. The program declares all other buckets. */
function controlBuckets(region: string): DeclaredBucket[] {
  const common = {
    accountId: exampleAccounts.outsider,
    region,
    versioning: 'Enabled' as const,
    encryption: null,
    publicAccessBlock: null,
    ownership: 'BucketOwnerEnforced',
    policy: null,
    lifecycleRules: [],
    tags: {},
  }
  return [
    { ...common, name: controlNames.plain, objectLock: { enabled: false, default: null } },
    {
      ...common,
      name: controlNames.governed,
      objectLock: { enabled: true, default: { mode: 'GOVERNANCE', days: 30 } },
    },
  ]
}
