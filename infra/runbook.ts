// What somebody reads who has nothing but the vault's account: how to get the tool, and bring the data back.
import { keyPrefixes, toolkitBucketName, toolkitKey, vaultBucketName } from '../guardrails/names.ts'
import type { VaultLocation } from '../guardrails/names.ts'

/** @param sources by name, and where the backups of each lie */
export function renderRunbook(
  location: VaultLocation,
  sources: readonly { name: string; location: VaultLocation }[],
  version: string,
): string {
  const [vault, toolkit] = [vaultBucketName(location), toolkitBucketName(location)]
  return `# Restoring from this vault

Everything that is needed lies in the account ${location.accountId}, region ${location.region}: the data in \`${vault}\`, the tool
(holdfast ${version}) and its configuration beside this file in \`${toolkit}\`. Nothing of production is needed.

1. Sign in as somebody whom the role \`holdfast-restorer\` trusts, with a second factor. A new computer with Node 22.18 or later
   and the AWS CLI is enough.
2. Get the tool. Names hold the SHA-256 of what they name: compare it.

   \`\`\`sh
   aws s3api list-object-versions --bucket ${toolkit} --prefix ${keyPrefixes.toolkit} --query 'Versions[].[LastModified,Key,VersionId]' --output text | sort
   aws s3api get-object --bucket ${toolkit} --key ${toolkitKey('VERSION', 'SHA256', 'holdfast-VERSION.tgz')} --version-id ID holdfast.tgz
   aws s3api get-object --bucket ${toolkit} --key ${toolkitKey('VERSION', 'SHA256', 'vault.json')} --version-id ID vault.json
   sha256sum holdfast.tgz vault.json
   npm install --global ./holdfast.tgz
   \`\`\`

   The oldest version of a key is the one that was put there first; a later one under the same key is not from this program.
   The tool's own dependencies come from the npm registry.
3. See what there is, and bring it back. The second factor's code is asked for.

   \`\`\`sh
   holdfast snapshots --config vault.json --mfa-serial ARN-OF-YOUR-DEVICE
   restore --config vault.json --mfa-serial ARN-OF-YOUR-DEVICE --source SOURCE --point-in-time 2026-01-31T12:00:00Z --target /restore
   \`\`\`

   Where each lies (another region than ${location.region}: add \`--bucket BUCKET --region REGION\`):

${sources.map((source) => `   - \`${source.name}\`: \`${vaultBucketName(source.location)}\`, ${source.location.region}`).join('\n')}

   The time needs its zone. An interrupted restore is started again with the same target.

Whatever it says, nothing here deletes anything: trying is safe.
`
}
