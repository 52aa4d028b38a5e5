// Pulumi hands every value of a stack's configuration over as text: numbers, booleans and lists as JSON, and account ids so
// that they look like numbers.

const textKeys: ReadonlySet<string> = new Set([
  'layer',
  'region',
  'vaultAccountId',
  'productionAccountId',
  'managementAccountId',
  'organizationId',
  'organizationParentId',
  'arm',
  'image',
  'vaultBucket',
  'toolkit',
  'thawUntil',
  'environmentTag',
])

/** The value of `holdfast:<key>` as the program means it; text that is no JSON stays text, for the check to refuse. */
export function parseConfigValue(key: string, text: string): unknown {
  if (textKeys.has(key)) return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
