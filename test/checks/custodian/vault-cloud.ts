// The rendered vault layer in a sandbox, opened with the very roles that the program makes.
import { S3LockExtender } from '../../../aws/s3-lock-extender.ts'
import { openS3Access } from '../../../aws/s3-access.ts'
import { openS3ObjectStore } from '../../../aws/s3-object-store.ts'
import type { S3ObjectStore } from '../../../aws/s3-object-store.ts'
import { S3VersionPruner } from '../../../aws/s3-version-pruner.ts'
import { exampleConfig } from '../../../lab/sandbox/loader/example-config.ts'
import { loadDeclaration } from '../../../lab/sandbox/loader/loader.ts'
import { issueWorkloadSession } from '../../../lab/sandbox/sts/role-session.ts'
import { startStsCloud, toSdk } from '../../lab/sandbox/sts/cloud.ts'
import type { StsCloud } from '../../lab/sandbox/sts/cloud.ts'

/** The ports that a role opens, whether it may use them or not. */
export interface OpenPorts {
  store: S3ObjectStore
  extender: S3LockExtender
  pruner: S3VersionPruner
}

export interface VaultCloud {
  cloud: StsCloud
  /** The variables of a session of the role. */
  environmentOf: (roleName: string) => Record<string, string>
  openAs: (roleName: string) => OpenPorts
  stop: () => Promise<void>
}

export async function startVaultCloud(): Promise<VaultCloud> {
  const declaration = await loadDeclaration({ layers: ['vault'] })
  const cloud = await startStsCloud(declaration)
  const stores: S3ObjectStore[] = []
  const credentialsOf = (roleName: string) => {
    const role = declaration.roles.find(({ name }) => name === roleName)
    if (role === undefined) throw new RangeError(`no role ${roleName}`)
    return issueWorkloadSession(cloud.sandbox, role, { sessionName: 'task', nowMs: cloud.clock.nowMs() })
      .credentials
  }
  return {
    cloud,
    environmentOf: (roleName) => {
      const { accessKeyId, secretAccessKey, sessionToken } = credentialsOf(roleName)
      return {
        AWS_REGION: exampleConfig.region,
        AWS_ENDPOINT_URL: cloud.sandbox.endpoint,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_SESSION_TOKEN: sessionToken!,
      }
    },
    openAs: (roleName) => {
      const settings = {
        bucket: exampleConfig.vaultBucket,
        region: exampleConfig.region,
        endpoint: cloud.sandbox.endpoint,
        credentials: () => Promise.resolve(toSdk(credentialsOf(roleName))),
        environment: {},
      }
      const access = openS3Access(settings)
      const store = openS3ObjectStore(settings, access)
      stores.push(store)
      return {
        store,
        extender: new S3LockExtender(settings.bucket, access),
        pruner: new S3VersionPruner(settings.bucket, access),
      }
    },
    stop: async () => {
      for (const store of stores) store.close()
      await cloud.stop()
    },
  }
}
