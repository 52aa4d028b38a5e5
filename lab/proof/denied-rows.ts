// Rows that must be denied: destruction, requests on other environments, and every weakening of the vault.
import { catalogue } from '../../guardrails/catalogue.ts'
import { agentEnvironmentTag } from '../../guardrails/names.ts'
import { firstLocationOf, locationOf, locationsOf, productionAccountsOf } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { Principal } from '../sandbox/identity/principal.ts'
import type { SessionFacts } from '../sandbox/identity/role-principal.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'
import { actionsOfTask, expandAction, namesIn, takesKey, targetsOf } from './targets.ts'
import { isLostToOwner } from './weakening.ts'
import { weakeningsOf } from './weakenings.ts'

type Settings = Pick<
  HoldfastConfig,
  | 'vaultAccountId'
  | 'productionAccountId'
  | 'region'
  | 'regions'
  | 'bucketNamespace'
  | 'sources'
  | 'agents'
  | 'environmentTag'
  | 'detached'
  | 'native'
>

/** The same principal with changes to its session; a principal without a session stays as it is. */
function withSession(principal: Principal, changes: Partial<SessionFacts>): Principal {
  return principal.session === undefined
    ? principal
    : { ...principal, session: { ...principal.session, ...changes } }
}

const factors = [
  { text: '', session: {} },
  { text: 'with a second factor', session: { multiFactor: { present: true, ageSeconds: 0 } } },
] as const

/** Subjects that might gain a permission by a second factor: every row exists with one and without one. */
const attackers: ReadonlySet<Subject['kind']> = new Set(['agent', 'writer', 'administrator'])

/** Production's owners and break-glass may destroy production. Agents, writers and strangers may not. */
function destroysNothingOf(subject: Subject, account: 'vault' | 'production'): boolean {
  if (subject.account === account)
    return (
      (account === 'production' && (subject.kind === 'agent' || subject.kind === 'bystander')) ||
      subject.kind === 'writer' ||
      subject.kind === 'duty'
    )
  return true
}

export async function destructionRows(config: Settings, subjects: readonly Subject[]): Promise<ProofRow[]> {
  const rows: ProofRow[] = []
  const accounts = [
    ...productionAccountsOf(config).map((id) => ['production', id] as const),
    ['vault', config.vaultAccountId] as const,
  ]
  for (const [account, accountId] of accounts) {
    const nameOf = namesIn(account, firstLocationOf(config))
    for (const pattern of catalogue) {
      for (const action of await expandAction(pattern.action)) {
        for (const { arn } of await targetsOf(action, accountId, config.region, nameOf)) {
          const tagKey = `aws:ResourceTag/${config.environmentTag}`
          const tagged = await takesKey(action, arn, tagKey)
          for (const subject of subjects) {
            if (
              subject.name === 'writer widened' ||
              !destroysNothingOf(subject, account) ||
              (subject.name === 'custodian' && action === 's3:DeleteObjectVersion')
            )
              continue
            // An action without a resource acts on the caller's own account, so a row on another account would mean
            // nothing.
            if (arn === '*' && subject.account !== account) continue
            const ownEnvironment = subject.role?.tags[agentEnvironmentTag]
            const environments =
              tagged && ownEnvironment !== undefined
                ? [null, ownEnvironment, `not-${ownEnvironment}`]
                : [null]
            for (const environment of environments) {
              for (const factor of factors) {
                if (subject.principal.session === undefined && factor.text !== '') continue
                rows.push({
                  group: 'destruction',
                  who: subject.name,
                  principal: withSession(subject.principal, factor.session),
                  actions: [action],
                  resource: arn,
                  resourceAccountId: accountId,
                  expected: 'denied',
                  context: environment === null ? {} : { [tagKey]: environment },
                  circumstance: describe([
                    environment === null
                      ? ''
                      : environment === ownEnvironment
                        ? 'its own environment'
                        : 'another environment',
                    factor.text,
                  ]),
                })
              }
            }
          }
        }
      }
    }
  }
  return rows
}

/**
 * Every action of an agent's task on another environment's resources, and on its own ones without a source identity.
 */
export async function environmentRows(config: Settings, subjects: readonly Subject[]): Promise<ProofRow[]> {
  const rows: ProofRow[] = []
  const tagKey = `aws:ResourceTag/${config.environmentTag}`
  for (const agent of config.agents) {
    const subject = subjects.find(({ name }) => name === `agent ${agent.name}`)
    if (subject === undefined) continue
    for (const action of actionsOfTask(agent.may)) {
      const [target] = await targetsOf(
        action,
        config.productionAccountId,
        config.region,
        namesIn('production', firstLocationOf(config)),
      )
      const base = {
        group: 'environment',
        who: subject.name,
        actions: [action],
        resource: target!.arn,
        resourceAccountId: config.productionAccountId,
        expected: 'denied',
      } as const
      rows.push({
        ...base,
        principal: withSession(subject.principal, { sourceIdentity: null }),
        context: {},
        circumstance: 'without a source identity',
      })
      if (!(await takesKey(action, target!.arn, tagKey))) continue
      rows.push({
        ...base,
        principal: subject.principal,
        context: { [tagKey]: `not-${agent.environment}` },
        circumstance: 'another environment',
      })
    }
  }
  return rows
}

export async function weakeningRows(config: Settings, subjects: readonly Subject[]): Promise<ProofRow[]> {
  const weakenings = await weakeningsOf({
    place: firstLocationOf(config),
    productionAccountIds: productionAccountsOf(config),
    vaults: locationsOf(config).map((place) => ({
      place,
      sources: config.sources
        .filter((source) => locationOf(config, source).region === place.region)
        .map(({ name }) => name),
    })),
    agentNames: config.agents.map(({ name }) => name),
    detached: config.detached,
    hasNative: config.native.length > 0,
  })
  const rows: ProofRow[] = []
  for (const weakening of weakenings) {
    for (const subject of subjects) {
      if (weakening.only === null ? subject.name === 'writer widened' : subject.name !== weakening.only)
        continue
      // Control policies don't bind the management account. It owns no vault, and no credentials belong there.
      if (subject.account === 'organization' && weakening.resource.includes(':organizations:')) continue
      if (weakening.resource === '*' && subject.principal.accountId !== weakening.accountId) continue
      if (weakening.duty.some((name) => subject.name === name || subject.name.endsWith(` > ${name}`)))
        continue
      const accountName = weakening.accountId === config.vaultAccountId ? 'vault' : 'production'
      const isLost = config.detached && isLostToOwner(weakening, subject, accountName)
      for (const factor of attackers.has(subject.kind) || subject.name === 'outsider'
        ? factors
        : factors.slice(0, 1)) {
        rows.push({
          group: isLost ? 'lost' : 'weakening',
          who: subject.name,
          principal: withSession(subject.principal, factor.session),
          actions: [weakening.action],
          resource: weakening.resource,
          resourceAccountId: weakening.accountId,
          context: weakening.context,
          circumstance: describe([weakening.effect, factor.text]),
          expected: isLost ? 'allowed' : 'denied',
        })
      }
    }
  }
  return rows
}

function describe(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(', ')
}
