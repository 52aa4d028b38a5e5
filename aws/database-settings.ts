// Which of an account's databases and clusters in RDS are protected from deletion.
import { DescribeDBClustersCommand, DescribeDBInstancesCommand, RDSClient } from '@aws-sdk/client-rds'
import { HoldfastError } from '../core/errors.ts'
import type { ProtectedThing } from './delay-settings.ts'
import { translateError } from './error-translation.ts'
import { clientSettings } from './service-settings.ts'
import type { ServiceSettings } from './service-settings.ts'

const mostPages = 50

interface Page<Item> {
  items: Item[]
  next: string | undefined
}

export class DatabaseSettings {
  private readonly settings: ServiceSettings

  constructor(settings: ServiceSettings = {}) {
    this.settings = settings
  }

  /** Those that stand alone: what a cluster's instance holds is the cluster's. @throws `denied`, `credentials`, `unreachable`. */
  databases(region: string): Promise<ProtectedThing[]> {
    return this.list(`listing the databases in ${region}`, region, async (client, Marker, abort) => {
      const page = await client.send(new DescribeDBInstancesCommand({ Marker, MaxRecords: 100 }), abort)
      const alone = (page.DBInstances ?? []).filter(
        ({ DBClusterIdentifier }) => DBClusterIdentifier === undefined,
      )
      return {
        items: alone.map((each) => describe('db', each.DBInstanceIdentifier, each.DeletionProtection)),
        next: page.Marker,
      }
    })
  }

  clusters(region: string): Promise<ProtectedThing[]> {
    return this.list(`listing the clusters in ${region}`, region, async (client, Marker, abort) => {
      const page = await client.send(new DescribeDBClustersCommand({ Marker, MaxRecords: 100 }), abort)
      return {
        items: (page.DBClusters ?? []).map((each) =>
          describe('cluster', each.DBClusterIdentifier, each.DeletionProtection),
        ),
        next: page.Marker,
      }
    })
  }

  private async list<Item>(
    what: string,
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
      for (let pages = 0; pages < mostPages; pages++) {
        const { items: more, next } = await read(
          client,
          marker,
          signal === undefined ? {} : { abortSignal: signal },
        )
        items.push(...more)
        if (next === undefined || next === '') return items
        if (next === marker) break
        marker = next
      }
      throw new HoldfastError('unreachable', `${what} failed: the pages don't end`, {
        hint: "check that the endpoint is RDS's",
      })
    } catch (error) {
      signal?.throwIfAborted()
      throw translateError(error, what)
    } finally {
      client.destroy()
    }
  }
}

function describe(kind: string, name: string | undefined, isProtected: boolean | undefined): ProtectedThing {
  if (name === undefined)
    throw new HoldfastError('unreachable', "RDS's answer could not be read", {
      hint: "check that the endpoint is RDS's",
      retryable: true,
    })
  return { name: `${kind}:${name}`, isProtected: isProtected === true }
}
