// The scanner that others keep: secretlint's recommended rules, of which only the place and the kind are taken.
import { lintSource } from '@secretlint/core'
import { rules } from '@secretlint/secretlint-rule-preset-recommend'
import type { Match } from './finding.ts'
import type { KindName } from './kinds.ts'

/** What secretlint calls its rules, and what they find here. A rule that isn't listed finds a `service`'s token. */
const kindOfRule: Record<string, KindName> = {
  gcp: 'cloud-account',
  privatekey: 'private-key',
  npm: 'registry',
  docker: 'registry',
  basicauth: 'web-login',
  github: 'github',
  gitlab: 'gitlab',
  'database-connection-string': 'database',
  'hashicorp-vault': 'cloud-account',
  cloudflare: 'cloud-account',
  databricks: 'cloud-account',
  vercel: 'cloud-account',
}

// Left out: comments that switch rules off, which no thief obeys; and AWS, whose pairs the rules here read with their owner.
const leftOut = /-(?:filter-comments|aws)$/

const config = {
  rules: rules
    .filter(({ meta }) => !leftOut.test(meta.id))
    .map((rule) => ({ id: rule.meta.id, rule, options: {} })),
}

/** @param extension of the file's name, with its dot. */
export async function scanWithSecretlint(text: string, extension: string): Promise<Match[]> {
  const { messages } = await lintSource({
    source: { content: text, filePath: `/text${extension}`, ext: extension, contentType: 'text' },
    options: { config, noPhysicFilePath: true, maskSecrets: true },
  })
  return messages.flatMap(({ ruleId, range: [start, end] }) => {
    const name = ruleId.replace(/^@secretlint\/secretlint-rule-/, '')
    return [
      {
        kind: kindOfRule[name] ?? 'service',
        start,
        end,
        owner: kindOfRule[name] === undefined ? name : null,
      } satisfies Match,
    ]
  })
}
