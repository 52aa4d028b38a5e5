// Reads the deletion protection of an account's databases and clusters in RDS.
import { DescribeDBClustersCommand, DescribeDBInstancesCommand, RDSClient } from '@aws-sdk/client-rds'
import { HoldfastError } from '../core/errors.ts'
import type { ProtectedThing } from './delay-settings.ts'
import { translateError } from './error-translation.ts'
import { clientSettings } from './service-settings.ts'
import type { ServiceSettings } from './service-settings.ts'

const maxPages = 50

interface Page<Item> {
  items: Item[]
  next: string | undefined
}

export class DatabaseSettings {
  private readonly settings: ServiceSettings

  constructor(settings: ServiceSettings = {}) {
    this.settings = settings
  }

  /**
   * Databases outside clusters, because a cluster's instance holds no data of its own.
   * @throws `denied`, `credentials`, `unreachable`.
   */
  databases(region: string): Promise<ProtectedThing[]> {
    return this.list(`listing the databases in ${region}`, region, async (client, Marker, abort) => {
      const page = await client.send(new DescribeDBInstancesCommand({ Marker, MaxRecords: 100 }), abort)
      const standalone = (page.DBInstances ?? []).filter(
        ({ DBClusterIdentifier }) => DBClusterIdentifier === undefined,
      )
      return {
        items: standalone.map(({ DBInstanceIdentifier, DeletionProtection }) =>
          describe('db', DBInstanceIdentifier, DeletionProtection),
        ),
        next: page.Marker,
      }
    })
  }

  clusters(region: string): Promise<ProtectedThing[]> {
    return this.list(`listing the clusters in ${region}`, region, async (client, Marker, abort) => {
      const page = await client.send(new DescribeDBClustersCommand({ Marker, MaxRecords: 100 }), abort)
      return {
        items: (page.DBClusters ?? []).map(({ DBClusterIdentifier, DeletionProtection }) =>
          describe('cluster', DBClusterIdentifier, DeletionProtection),
        ),
        next: page.Marker,
      }
    })
  }

  private async list<Item>(
    operation: string,
    region: string,
    read: (
      client: RDSClient,
      marker: string | undefined,
      abort: { abortSignal?: AbortSignal },
    ) => Promise<Page<Item>>,
  ): Promise<Item[]> {
    const { signal } = this.settings
    const client = new RDSClient(clientSettings({ ...this.settings, region }))
    try {
      const items: Item[] = []
      let marker: string | undefined
      for (let pages = 0; pages < maxPages; pages++) {
        const page = await read(client, marker, signal === undefined ? {} : { abortSignal: signal })
        items.push(...page.items)
        if (page.next === undefined || page.next === '') return items
        if (page.next === marker) break
        marker = page.next
      }
      throw new HoldfastError('unreachable', `${operation} failed: the pages don't end`, {
        hint: 'check that the endpoint belongs to RDS',
      })
    } catch (error) {
      signal?.throwIfAborted()
      throw translateError(error, operation)
    } finally {
      client.destroy()
    }
  }
}

function describe(kind: string, name: string | undefined, isProtected: boolean | undefined): ProtectedThing {
  if (name === undefined)
    throw new HoldfastError('unreachable', "RDS's response could not be read", {
      hint: 'check that the endpoint belongs to RDS',
      retryable: true,
    })
  return { name: `${kind}:${name}`, isProtected: isProtected === true }
}
