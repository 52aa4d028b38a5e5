// Parses configuration values, because Pulumi passes all of them as text: numbers, booleans and lists as
// JSON. The digits of an account id have to stay text.

const textKeys: ReadonlySet<string> = new Set([
  'layer',
  'file',
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

/**
 * The typed value of `holdfast:<key>`. Text that isn't JSON stays text, so that the schema rejects it by its
 * key.
 */
export function parseConfigValue(key: string, text: string): unknown {
  if (textKeys.has(key)) return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
