// The runbook in the toolkit bucket: how an operator who has only the vault's account gets the tool and
// restores the data.
import { keyPrefixes, toolkitBucketName, toolkitKey, vaultBucketName } from '../guardrails/names.ts'
import type { VaultLocation } from '../guardrails/names.ts'

/** @param sources each source, with the location of its backups */
export function renderRunbook(
  location: VaultLocation,
  sources: readonly { name: string; location: VaultLocation }[],
  version: string,
): string {
  const [vault, toolkit] = [vaultBucketName(location), toolkitBucketName(location)]
  return `# Restoring from this vault

A restore needs only the account ${location.accountId}, region ${location.region}. The bucket \`${vault}\` holds the data. The bucket
\`${toolkit}\` holds this file, the tool (holdfast ${version}) and its configuration. Production is not needed.

1. Use a computer with Node 22.18 or later and the AWS CLI. Sign in, with a second factor, as a person that the role
   \`holdfast-restorer\` trusts.
2. Download the tool. Each key contains the SHA-256 of its file: compare it with the output of \`sha256sum\`.

   \`\`\`sh
   aws s3api list-object-versions --bucket ${toolkit} --prefix ${keyPrefixes.toolkit} --query 'Versions[].[LastModified,Key,VersionId]' --output text | sort
   aws s3api get-object --bucket ${toolkit} --key ${toolkitKey('VERSION', 'SHA256', 'holdfast-VERSION.tgz')} --version-id ID holdfast.tgz
   aws s3api get-object --bucket ${toolkit} --key ${toolkitKey('VERSION', 'SHA256', 'vault.json')} --version-id ID vault.json
   sha256sum holdfast.tgz vault.json
   npm install --global ./holdfast.tgz
   \`\`\`

   Take the oldest version of each key: Pulumi uploaded that one, and never uploads a later one.
   npm downloads the tool's dependencies from the npm registry.
3. List the snapshots, then restore one. The commands ask for a code of the second factor.

   \`\`\`sh
   holdfast snapshots --config vault.json --mfa-serial ARN-OF-YOUR-DEVICE
   restore --config vault.json --mfa-serial ARN-OF-YOUR-DEVICE --source SOURCE --point-in-time 2026-01-31T12:00:00Z --target /restore
   \`\`\`

   Buckets and regions of the sources (for a region other than ${location.region}, add \`--bucket BUCKET --region REGION\`):

${sources.map((source) => `   - \`${source.name}\`: \`${vaultBucketName(source.location)}\`, ${source.location.region}`).join('\n')}

   The time needs a time zone. To continue an interrupted restore, run the same command with the same target.

No command on this page deletes data from the vault, so you can try every step safely.
`
}
