// The differences of two JSON documents, where the order of keys and of texts in a list means nothing, and one text may
// stand for a list of one: so AWS stores policies.

type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

const maxShownChars = 120
/** An attacker could nest a document as deep as a service takes. */
const maxDepth = 32

/** One line for each difference: the path, what is there, and what was expected. */
export function differencesOf(expected: unknown, live: unknown): string[] {
  const differences: string[] = []
  compare('', { expected: canonical(expected), live: canonical(live) }, differences)
  return differences
}

interface Pair {
  expected: Json | undefined
  live: Json | undefined
}

function compare(path: string, { expected, live }: Pair, differences: string[]): void {
  if (JSON.stringify(expected) === JSON.stringify(live)) return
  const shownPath = path === '' ? 'it' : path
  if (live === undefined) differences.push(`${shownPath} is missing: ${shown(expected)}`)
  else if (expected === undefined) differences.push(`${shownPath} was added: ${shown(live)}`)
  else if (isMap(expected) && isMap(live))
    for (const key of new Set([...Object.keys(expected), ...Object.keys(live)]))
      compare(join(path, key), { expected: expected[key], live: live[key] }, differences)
  else if (isListOfTexts(expected) && isListOfTexts(live)) compareTexts(path, { expected, live }, differences)
  else if (Array.isArray(expected) && Array.isArray(live))
    compare(path, { expected: byName(expected), live: byName(live) }, differences)
  else differences.push(`${shownPath} is ${shown(live)}, not ${shown(expected)}`)
}

function compareTexts(
  path: string,
  { expected, live }: { expected: string[]; live: string[] },
  differences: string[],
): void {
  for (const text of expected) if (!live.includes(text)) differences.push(`${path} lacks ${shown(text)}`)
  for (const text of live)
    if (!expected.includes(text)) differences.push(`${path} has ${shown(text)} besides`)
}

/** A list of one text is that text on both sides, so a list that grew from one is compared as a list. */
function canonical(value: unknown, depth = 0): Json {
  if (depth > maxDepth) return '…'
  if (Array.isArray(value)) {
    const items = value.map((item) => canonical(item, depth + 1))
    return items.every((item) => typeof item === 'string') ? [...new Set(items)].sort() : items
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(
      entries.map(([key, item]) => [
        key,
        listKeys.has(key) ? asList(item, key, depth) : canonical(item, depth + 1),
      ]),
    )
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
}

/** The keys of a policy whose value may be one item, or a list of them. */
const listKeys: ReadonlySet<string> = new Set([
  'Statement',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'AWS',
  'Service',
  'Federated',
])

function asList(value: unknown, key: string, depth: number): Json {
  const list = canonical(Array.isArray(value) ? value : [value], depth + 1)
  // IAM names an account by its id or by its root user.
  if (key !== 'AWS' || !isListOfTexts(list)) return list
  return list.map((text) => /^arn:aws:iam::(\d{12}):root$/.exec(text)?.[1] ?? text).sort()
}

/**
 * Statements by their Sid, so that one that was added doesn't make all later ones look changed. Two with the same Sid
 * stay two.
 */
function byName(list: Json[]): Json {
  const named: { [key: string]: Json } = Object.create(null) as { [key: string]: Json }
  for (const [index, item] of list.entries()) {
    const sid = isMap(item) && typeof item['Sid'] === 'string' ? item['Sid'] : String(index)
    named[Object.hasOwn(named, sid) ? `${sid}#${index}` : sid] = item
  }
  return named
}

function isMap(value: Json): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isListOfTexts(value: Json): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

function shown(value: Json | undefined): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  return text.length > maxShownChars ? `${text.slice(0, maxShownChars)}…` : text
}
