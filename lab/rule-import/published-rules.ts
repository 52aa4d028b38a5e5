// The published rules that a search takes over, each in the form that it uses.
import { z } from 'zod'
import type { PublishedRule } from '../../blast-radius/search/rules/published-rules.ts'
import { translate } from './regular-expression.ts'

const schema = z.object({
  id: z.string(),
  regex: z.string().optional(),
  keywords: z.array(z.string()).default([]),
  confidence: z.enum(['low', 'medium', 'high']),
  filter: z.string().default(''),
  path: z.string().optional(),
  /** The rule finds an id or a host that belongs to a secret, and no secret. */
  skipReport: z.boolean().default(false),
})

/**
 * The rules of a search of its own see more than these: the name, the format, the owner, or what a JWT
 * says.
 */
const replaced =
  /^(?:generic-|aws-(?:access-token|secret-access-key)|jwt|curl-auth-|kubernetes-secret-yaml|private-key|pkcs12-file|mongodb-connection-string|azure-storage-account-key|gcp-service-account|hashicorp-tf-password)/
/** Made to be public, or too short to tell from other words. */
const noSecret =
  /-pub(?:lic)?-|publishable|-client-id|posthog-project|new-relic-browser|mailgun-pub|sendbird-access-id|twilio-api-key|sumologic-access-id/

export function importRules(published: readonly unknown[]): { rules: PublishedRule[]; leftOut: string[] } {
  const rules: PublishedRule[] = []
  const leftOut: string[] = []
  for (const entry of published) {
    const rule = schema.parse(entry)
    const reason = reasonToLeaveOut(rule)
    if (reason === null) rules.push(convert(rule))
    else leftOut.push(`${rule.id}: ${reason}`)
  }
  return { rules, leftOut }
}

function reasonToLeaveOut(rule: z.infer<typeof schema>): string | null {
  if (rule.regex === undefined || rule.keywords.length === 0) return 'no expression or no keyword'
  if (rule.skipReport) return 'no secret by itself'
  if (replaced.test(rule.id)) return 'replaced'
  if (noSecret.test(rule.id)) return 'public'
  return rule.confidence === 'low' ? 'low confidence' : null
}

function convert({ id, regex, keywords, filter }: z.infer<typeof schema>): PublishedRule {
  const { source, flags } = translate(regex!)
  const entropy = /^\s*entropy\(finding\["secret"\]\) <=? (\d+(?:\.\d+)?)/.exec(filter)?.[1]
  return {
    id: id.replace(/\.\d+$/, ''),
    source,
    flags,
    keywords: keywords.map((keyword) => keyword.toLowerCase()),
    minEntropy: Number(entropy ?? 0),
    ...(filter.includes('tokenRatio') ? { isByName: true } : {}),
  }
}
