// The runbook in the toolkit bucket: docs/restore.md, with the names of this vault filled in, so that an operator who
// has only the vault's account gets the tool and restores the data.
import { readFileSync } from 'node:fs'
import { toolkitBucketName, vaultBucketName } from '../guardrails/names.ts'
import type { VaultLocation } from '../guardrails/names.ts'

const page = new URL('../docs/restore.md', import.meta.url)
/** The block of the page that sets the names. */
const namesBlock = /```sh\nexport VAULT=[^`]*```\n/

/** @param sources each source, with the location of its backups */
export function renderRunbook(
  location: VaultLocation,
  sources: readonly { name: string; location: VaultLocation }[],
  version: string,
): string {
  const text = readFileSync(page, 'utf8')
  if (!namesBlock.test(text)) throw new Error('docs/restore.md has no block that sets the names')
  const { accountId, region } = location
  const buckets = sources.map(
    (source) =>
      `| \`${source.name}\` | \`${vaultBucketName(source.location)}\` | ${source.location.region} |\n`,
  )
  const names = `\`\`\`sh
export VAULT=${accountId} AWS_REGION=${region}
export BUCKET=${vaultBucketName(location)} TOOLKIT=${toolkitBucketName(location)}
export HOLDFAST_ROLE_ARN=arn:aws:iam::$VAULT:role/holdfast/holdfast-restorer
export HOLDFAST_MFA_SERIAL=arn:aws:iam::$VAULT:mfa/YOUR-NAME
\`\`\`

The sources of this vault, for holdfast ${version}. For a region other than ${region}, add \`--bucket BUCKET --region REGION\` to each command:

| Source | Bucket | Region |
| --- | --- | --- |
${buckets.join('')}`
  // The other pages are not in the bucket.
  return text.replace(namesBlock, () => names).replace(/\[([^\]]+)\]\((?!https?:|#)[^)]*\)/g, '$1')
}
