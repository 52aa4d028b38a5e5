// Where tools keep credentials outside a project: what an agent opens first.
import { join } from 'node:path'

/** Below a home directory. Files, or directories that are searched as a whole. */
const belowHome = [
  '.aws/credentials',
  '.aws/config',
  '.aws/sso/cache',
  '.aws/cli/cache',
  '.azure',
  '.config/gcloud',
  '.config/gh',
  '.config/hub',
  '.config/railway',
  '.config/doctl',
  '.config/rclone',
  '.docker/config.json',
  '.git-credentials',
  '.kube/config',
  '.my.cnf',
  '.netrc',
  '.npmrc',
  '.pgpass',
  '.pulumi/credentials.json',
  '.pypirc',
  '.railway',
  '.s3cfg',
  '.ssh',
  '.terraform.d/credentials.tfrc.json',
  '.vault-token',
]

/** Variables that name a place instead. */
const namedByVariable = [
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CONFIG_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'PGPASSFILE',
  'GOOGLE_APPLICATION_CREDENTIALS',
  'NETRC',
]

export function credentialPlaces(
  home: string | null,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const named = namedByVariable.flatMap((name) => environment[name] || [])
  const kubeconfigs = (environment['KUBECONFIG'] ?? '').split(':').filter((path) => path !== '')
  return [
    ...new Set([
      ...(home === null ? [] : belowHome.map((path) => join(home, path))),
      ...named,
      ...kubeconfigs,
    ]),
  ]
}
