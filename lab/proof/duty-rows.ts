// Rows that must be allowed, because an operator removes a guard that stops a duty.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { breakGlassActions } from '../../guardrails/catalogue.ts'
import { tierOf } from '../../guardrails/catalogue/known-names.ts'
import {
  bucketArn,
  duties,
  feedbackBucketName,
  toolkitBucketName,
  vaultBucketName,
} from '../../guardrails/names.ts'
import { firstLocationOf, locationOf, locationsOf } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import { approvalMs, approvedSubject } from './principals.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'
import { actionsOfTask, expandAction, isNamed, namesIn, takesKey, targetsOf } from './targets.ts'

const text = z.union([z.string(), z.array(z.string())])
const duty = z.strictObject({
  who: z.string(),
  action: z.string(),
  on: z.string(),
  context: z.record(z.string(), text).default({}),
})
const table = z.array(duty).parse(JSON.parse(readFileSync(new URL('duties.json', import.meta.url), 'utf8')))

type Values = Record<string, string>

function fill(template: string, values: Values): string {
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole)
}

/** Every row of the table, once for each source, agent and duty that it names. */
function fillTable(config: HoldfastConfig): z.infer<typeof duty>[] {
  const place = firstLocationOf(config)
  const fixed: Values = {
    toolkit: bucketArn(toolkitBucketName(place)),
    region: config.region,
    production: config.productionAccountId,
    vaultAccount: config.vaultAccountId,
    retentionCapDays: String(config.retentionCapDays),
  }
  const lists: Record<string, readonly string[]> = {
    source: config.sources.map(({ name }) => name),
    agent: config.agents.map(({ name }) => name),
    duty: duties,
  }
  return table.flatMap((row) => {
    const used = Object.keys(lists).filter((key) => JSON.stringify(row).includes(`{${key}}`))
    const choices = used.reduce<Values[]>(
      (combinations, key) =>
        combinations.flatMap((values) => lists[key]!.map((value) => ({ ...values, [key]: value }))),
      [{}],
    )
    // A row on a source applies in the region of its backups; any other row applies in every region.
    return choices.flatMap((values) => {
      const source = config.sources.find(({ name }) => name === values['source'])
      return (source === undefined ? locationsOf(config) : [locationOf(config, source)]).map((at) => {
        const buckets = { vault: bucketArn(vaultBucketName(at)), feedback: bucketArn(feedbackBucketName(at)) }
        return JSON.parse(fill(JSON.stringify(row), { ...fixed, ...buckets, ...values })) as z.infer<
          typeof duty
        >
      })
    })
  })
}

export async function dutyRows(config: HoldfastConfig, principals: readonly Subject[]): Promise<ProofRow[]> {
  const rows = fillTable(config).flatMap((row): ProofRow[] => {
    // If the configuration requires an approval, break-glass can do its duties only with one.
    const subject =
      principals.find(({ name }) => row.who === 'break-glass' && name === approvedSubject) ??
      principals.find(({ name }) => name === row.who)
    if (subject === undefined) return []
    return [
      {
        group: 'duty',
        who: subject.name,
        principal: subject.principal,
        actions: [row.action],
        resource: row.on,
        context: row.context,
        resourceAccountId:
          row.on.split(':')[4] ||
          (row.on.startsWith('arn:aws:s3:::') ? config.vaultAccountId : subject.principal.accountId!),
        circumstance: '',
        expected: 'allowed',
      },
    ]
  })
  return [...rows, ...(await taskRows(config, principals))]
}

/**
 * Every action of an agent's task, on resources of its environment and on resources without a tag. Of tier 2, the
 * actions that the task names without `*`.
 */
async function taskRows(config: HoldfastConfig, principals: readonly Subject[]): Promise<ProofRow[]> {
  const place = firstLocationOf(config)
  const tagKey = `aws:ResourceTag/${config.environmentTag}`
  const rows: ProofRow[] = []
  for (const agent of config.agents) {
    const subject = principals.find(({ name }) => name === `agent ${agent.name}`)
    if (subject === undefined) continue
    for (const action of actionsOfTask(agent.may)) {
      if (tierOf(action) !== null && !isNamed(agent.may, action)) continue
      const [target] = await targetsOf(
        action,
        config.productionAccountId,
        config.region,
        namesIn('production', place),
      )
      const environments = (await takesKey(action, target!.arn, tagKey)) ? [agent.environment, null] : [null]
      for (const environment of environments) {
        rows.push({
          group: 'duty',
          who: subject.name,
          principal: subject.principal,
          actions: [action],
          resource: target!.arn,
          resourceAccountId: config.productionAccountId,
          expected: 'allowed',
          context: environment === null ? {} : { [tagKey]: environment },
          circumstance: environment === null ? 'no tag' : 'its own environment',
        })
      }
    }
  }
  return rows
}

/**
 * Every action of break-glass: without an approval, with an approval for another operator, and after the approval has
 * ended.
 */
export async function approvalRows(
  config: HoldfastConfig,
  principals: readonly Subject[],
  nowMs: number,
): Promise<ProofRow[]> {
  const [unapproved, approved] = ['break-glass', approvedSubject].map((subjectName) =>
    principals.find(({ name }) => name === subjectName),
  )
  if (unapproved === undefined || approved === undefined) return []
  const otherOperator = {
    ...approved.principal,
    session: { ...approved.principal.session!, sourceIdentity: 'someone-else' },
  }
  const late = { 'aws:CurrentTime': new Date(nowMs + approvalMs + 1000).toISOString() }
  const accountId = config.productionAccountId
  const rows: ProofRow[] = []
  for (const action of (await Promise.all(breakGlassActions().map(expandAction))).flat()) {
    const [target] = await targetsOf(
      action,
      accountId,
      config.region,
      namesIn('production', firstLocationOf(config)),
    )
    const base = {
      group: 'approval',
      actions: [action],
      resource: target!.arn,
      resourceAccountId: accountId,
      expected: 'denied',
    } as const
    rows.push(
      {
        ...base,
        who: unapproved.name,
        principal: unapproved.principal,
        context: {},
        circumstance: 'without an approval',
      },
      {
        ...base,
        who: approved.name,
        principal: otherOperator,
        context: {},
        circumstance: 'approved for another operator',
      },
      {
        ...base,
        who: approved.name,
        principal: approved.principal,
        context: late,
        circumstance: 'after its end',
      },
    )
  }
  return rows
}
