// Few patterns instead of many names, because AWS counts the characters of a policy.

/**
 * Patterns with a `*` at the end that match each name of `wanted` and none of `spared`, sorted. They are as wide as `spared`
 * lets them be, so that they also match most names that AWS will add to the same families.
 */
export function coverNames(wanted: readonly string[], spared: readonly string[]): string[] {
  return coverBelow('', [...new Set(wanted)], spared).sort()
}

function coverBelow(prefix: string, wanted: readonly string[], spared: readonly string[]): string[] {
  if (wanted.length <= 1) return [...wanted]
  const nearby = spared.filter((name) => name.toLowerCase().startsWith(prefix))
  if (nearby.length === 0) return [`${commonPrefix(wanted)}*`]
  const groups = new Map<string, string[]>()
  for (const name of wanted) {
    const start = name.slice(0, prefix.length + 1).toLowerCase()
    groups.set(start, [...(groups.get(start) ?? []), name])
  }
  return [...groups].flatMap(([start, names]) =>
    start === prefix ? names : coverBelow(start, names, nearby),
  )
}

/** As IAM compares: `PUT` and `PutBucket` have three letters in common. */
function commonPrefix(names: readonly string[]): string {
  let prefix = names[0]!
  for (const name of names)
    while (!name.toLowerCase().startsWith(prefix.toLowerCase())) prefix = prefix.slice(0, -1)
  return prefix
}
