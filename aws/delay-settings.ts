// Reads the safeguards against deletion from Recycle Bin, DynamoDB, AWS Backup and CloudWatch Logs. We check every
// response: one of another shape is an error, and never counts as "there is no safeguard".
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import type { JsonRequest, JsonServices } from './json-services.ts'

export type BinResource = 'EBS_VOLUME' | 'EBS_SNAPSHOT' | 'EC2_IMAGE'

export interface RetentionRule {
  id: string
  days: number
  /** True if the rule is in force and names no tags, so that it covers all resources of its kind in the region. */
  coversAll: boolean
  locked: boolean
}

export interface ProtectedThing {
  /** `table/rentals`, `log-group:/app`: the last part of its ARN. */
  name: string
  isProtected: boolean
}

export interface BackupVaultLock {
  name: string
  locked: boolean
  /**
   * When the lock becomes final, milliseconds since the epoch. Null: principals with the permission can always remove
   * it.
   */
  finalFromMs: number | null
}

/** Limits on the requests for one account. */
const maxPages = 50
const maxTables = 500

const airGapped = 'LOGICALLY_AIR_GAPPED_BACKUP_VAULT'

const token = z.string().min(1).optional()
const binRules = z.object({
  Rules: z.array(z.object({ Identifier: z.string().regex(/^[0-9a-zA-Z]{1,64}$/) })),
  NextToken: token.nullable(),
})
const tags = z.array(z.unknown()).nullish()
const binRule = z.object({
  Identifier: z.string(),
  RetentionPeriod: z.object({
    RetentionPeriodValue: z.number().int().min(1),
    RetentionPeriodUnit: z.literal('DAYS'),
  }),
  Status: z.enum(['pending', 'available']).nullish(),
  LockState: z.enum(['locked', 'pending_unlock', 'unlocked']).nullish(),
  ResourceTags: tags,
  ExcludeResourceTags: tags,
})
const tables = z.object({
  TableNames: z.array(z.string().regex(/^[\w.-]{1,1024}$/)),
  LastEvaluatedTableName: token,
})
const table = z.object({ Table: z.object({ DeletionProtectionEnabled: z.boolean().optional() }) })
const vaults = z.object({
  BackupVaultList: z.array(
    z.object({
      BackupVaultName: z.string().min(1),
      Locked: z.boolean().nullish(),
      VaultType: z.string().nullish(),
      LockDate: z.number().positive().nullish(),
    }),
  ),
  NextToken: token.nullable(),
})
const logGroups = z.object({
  logGroups: z.array(
    z.object({ logGroupName: z.string().min(1), deletionProtectionEnabled: z.boolean().optional() }),
  ),
  nextToken: token,
})

export class DelaySettings {
  private readonly services: JsonServices

  constructor(services: JsonServices) {
    this.services = services
  }

  /** https://docs.aws.amazon.com/recyclebin/latest/APIReference/API_ListRules.html and API_GetRule.html */
  async recycleBinRules(region: string, resource: BinResource): Promise<RetentionRule[]> {
    const ids = await this.list(
      `listing the Recycle Bin's rules in ${region}`,
      binRules,
      ({ Rules, NextToken }) => ({ items: Rules, next: NextToken }),
      (NextToken) => ({
        service: 'rbin',
        region,
        method: 'POST',
        path: '/list-rules',
        body: { ResourceType: resource, ...(NextToken === undefined ? {} : { NextToken }) },
      }),
    )
    const rules: RetentionRule[] = []
    for (const { Identifier: id } of ids) {
      const rule = await this.ask(`reading the Recycle Bin's rule ${id} in ${region}`, binRule, {
        service: 'rbin',
        region,
        method: 'GET',
        path: `/rules/${id}`,
      })
      const hasTags = [rule.ResourceTags, rule.ExcludeResourceTags].some(
        (ruleTags) => (ruleTags ?? []).length > 0,
      )
      rules.push({
        id,
        days: rule.RetentionPeriod.RetentionPeriodValue,
        coversAll: rule.Status === 'available' && !hasTags,
        locked: rule.LockState === 'locked',
      })
    }
    return rules
  }

  async tables(region: string): Promise<ProtectedThing[]> {
    const dynamo = (operation: string, body: Record<string, unknown>): JsonRequest => ({
      service: 'dynamodb',
      region,
      method: 'POST',
      path: '/',
      target: { name: `DynamoDB_20120810.${operation}`, version: '1.0' },
      body,
    })
    const names = await this.list(
      `listing the tables in ${region}`,
      tables,
      ({ TableNames, LastEvaluatedTableName }) => ({ items: TableNames, next: LastEvaluatedTableName }),
      (next) => dynamo('ListTables', next === undefined ? {} : { ExclusiveStartTableName: next }),
    )
    if (names.length > maxTables)
      throw new HoldfastError('invalid-input', `${region} has more than ${maxTables} tables`, {
        hint: 'state their safeguard in the file of --brakes',
      })
    const states: ProtectedThing[] = []
    for (const TableName of names) {
      const { Table } = await this.ask(
        `reading the table ${TableName} in ${region}`,
        table,
        dynamo('DescribeTable', { TableName }),
      )
      states.push({ name: `table/${TableName}`, isProtected: Table.DeletionProtectionEnabled === true })
    }
    return states
  }

  /** https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupVaultListMember.html */
  async backupVaults(region: string): Promise<BackupVaultLock[]> {
    const members = await this.list(
      `listing the backup vaults in ${region}`,
      vaults,
      ({ BackupVaultList, NextToken }) => ({ items: BackupVaultList, next: NextToken }),
      (next) => ({
        service: 'backup',
        region,
        method: 'GET',
        path: '/backup-vaults/',
        query: next === undefined ? {} : { nextToken: next },
      }),
    )
    return members.map(({ BackupVaultName: name, Locked, LockDate, VaultType }) => {
      // An air-gapped vault is locked in COMPLIANCE from its creation, and has no date from which that is so.
      if (VaultType === airGapped) return { name, locked: true, finalFromMs: 0 }
      return {
        name,
        locked: Locked === true,
        finalFromMs: Locked === true && typeof LockDate === 'number' ? LockDate * 1000 : null,
      }
    })
  }

  async logGroups(region: string): Promise<ProtectedThing[]> {
    const groups = await this.list(
      `listing the log groups in ${region}`,
      logGroups,
      (page) => ({ items: page.logGroups, next: page.nextToken }),
      (nextToken) => ({
        service: 'logs',
        region,
        method: 'POST',
        path: '/',
        target: { name: 'Logs_20140328.DescribeLogGroups', version: '1.1' },
        body: nextToken === undefined ? {} : { nextToken },
      }),
    )
    return groups.map(({ logGroupName, deletionProtectionEnabled }) => ({
      name: `log-group:${logGroupName}`,
      isProtected: deletionProtectionEnabled === true,
    }))
  }

  private async list<Page, Item>(
    operation: string,
    schema: z.ZodType<Page>,
    read: (page: Page) => { items: Item[]; next: string | null | undefined },
    request: (next: string | undefined) => JsonRequest,
  ): Promise<Item[]> {
    const items: Item[] = []
    let marker: string | undefined
    for (let pages = 0; pages < maxPages; pages++) {
      const page = read(await this.ask(operation, schema, request(marker)))
      items.push(...page.items)
      if (page.next === undefined || page.next === null) return items
      if (page.next === marker) break
      marker = page.next
    }
    throw new HoldfastError('unreachable', `${operation} failed: the pages don't end`, {
      hint: 'check that the endpoint belongs to AWS',
    })
  }

  private async ask<Response>(
    operation: string,
    schema: z.ZodType<Response>,
    request: JsonRequest,
  ): Promise<Response> {
    const parsed = schema.safeParse(await this.services.ask(operation, request))
    if (parsed.success) return parsed.data
    throw new HoldfastError(
      'unreachable',
      `${operation} failed: the response does not have the form that AWS documents (${parsed.error.issues[0]?.path.join('.') ?? ''})`,
      {
        hint: 'check that the endpoint belongs to AWS; a newer holdfast may know the form',
      },
    )
  }
}
