// The rows of judgements.json, read strictly: a row that is misspelt would judge other actions than its
// author meant.

export const losses = ['data', 'protection', 'readability', 'evidence', 'identity', 'execution'] as const
/**
 * The kind of loss that an action causes: of data; of a protection of data; of the means to read it; of
 * evidence; of the limits of identities. `execution` runs code or queries, often as another role, so that all
 * other losses can follow.
 */
export type Loss = (typeof losses)[number]

/** 1: no agent's task needs the action. 2: it overwrites or executes, which a task may need. */
export type Tier = 1 | 2

export interface DestructiveRow {
  tier: Tier
  loss: Loss
  /** Patterns without the service's prefix: `DeleteVolume`, `Delete*`. */
  actions: readonly string[]
  lost: string
  /** AWS's own protection against the loss; null if only a deny stands before it. */
  safeguard: string | null
  /**
   * Keys that a request for each of these actions carries, by which a policy can narrow it. `*` stands for a
   * part of the key.
   */
  conditionKeys: readonly string[]
}

export interface ExemptRow {
  exempt: readonly string[]
  /** The reason that the actions destroy nothing. */
  reason: string
}

export interface ServiceRows {
  destructive: readonly DestructiveRow[]
  exempt: readonly ExemptRow[]
  /** Patterns of actions that only read. */
  reads: readonly string[]
}

const maxRows = 200
const maxPatterns = 400
const maxTextChars = 300

/** @throws Error that names the row and the field. */
export function parseJudgements(input: unknown): ReadonlyMap<string, ServiceRows> {
  const services = new Map<string, ServiceRows>()
  let previous = ''
  for (const [service, rows] of Object.entries(asRecord(input, 'judgements'))) {
    if (!/^[a-z][a-z0-9-]{0,40}$/.test(service)) throw invalid(service, 'is no service prefix in lower case')
    if (service <= previous) throw invalid(service, `must come before ${previous}: services are sorted`)
    previous = service
    services.set(service, parseService(service, rows))
  }
  if (services.size === 0) throw invalid('judgements', 'has no service')
  return services
}

function parseService(service: string, input: unknown): ServiceRows {
  if (!Array.isArray(input) || input.length === 0 || input.length > maxRows)
    throw invalid(service, `must be a list of 1 to ${maxRows} rows`)
  const judgedPatterns = new Set<string>()
  const destructive: DestructiveRow[] = []
  const exempt: ExemptRow[] = []
  const reads: string[] = []
  for (const [index, value] of input.entries()) {
    const path = `${service}[${index}]`
    const row = asRecord(value, path)
    if (Object.hasOwn(row, 'tier')) destructive.push(parseDestructive(path, row, judgedPatterns))
    else if (Object.hasOwn(row, 'exempt')) exempt.push(parseExempt(path, row, judgedPatterns))
    else {
      requireFields(path, row, ['reads'])
      reads.push(...parsePatterns(`${path}.reads`, row['reads'], judgedPatterns))
    }
  }
  return { destructive, exempt, reads }
}

function parseDestructive(
  path: string,
  row: Record<string, unknown>,
  judgedPatterns: Set<string>,
): DestructiveRow {
  requireFields(path, row, ['tier', 'loss', 'actions', 'lost', 'safeguard'], ['conditionKeys'])
  const { tier, safeguard } = row
  if (tier !== 1 && tier !== 2) throw invalid(`${path}.tier`, 'must be 1 or 2')
  const loss = losses.find((kind) => kind === row['loss'])
  if (loss === undefined) throw invalid(`${path}.loss`, `must be one of ${losses.join(', ')}`)
  return {
    tier,
    loss,
    actions: parsePatterns(`${path}.actions`, row['actions'], judgedPatterns),
    lost: parseText(`${path}.lost`, row['lost']),
    safeguard: safeguard === null ? null : parseText(`${path}.safeguard`, safeguard),
    conditionKeys: Object.hasOwn(row, 'conditionKeys')
      ? parseKeys(`${path}.conditionKeys`, row['conditionKeys'])
      : [],
  }
}

function parseExempt(path: string, row: Record<string, unknown>, judgedPatterns: Set<string>): ExemptRow {
  requireFields(path, row, ['exempt', 'reason'])
  return {
    exempt: parsePatterns(`${path}.exempt`, row['exempt'], judgedPatterns),
    reason: parseText(`${path}.reason`, row['reason']),
  }
}

function parsePatterns(path: string, input: unknown, judgedPatterns: Set<string>): string[] {
  const patterns = asTexts(path, input)
  for (const pattern of patterns) {
    if (!/^[A-Za-z0-9*]{1,128}$/.test(pattern) || pattern.includes('**'))
      throw invalid(path, `${shown(pattern)} is no action name or pattern`)
    if (judgedPatterns.has(pattern.toLowerCase())) throw invalid(path, `${pattern} is judged twice`)
    judgedPatterns.add(pattern.toLowerCase())
  }
  return patterns
}

function parseKeys(path: string, input: unknown): string[] {
  const keys = asTexts(path, input)
  for (const key of keys)
    if (!/^[a-z0-9-]+:[A-Za-z0-9/:._*-]{1,128}$/.test(key))
      throw invalid(path, `${shown(key)} is no condition key`)
  if (keys.some((key, index) => index > 0 && key <= keys[index - 1]!)) throw invalid(path, 'must be sorted')
  return keys
}

function parseText(path: string, input: unknown): string {
  if (typeof input !== 'string' || !/^[\x20-\x7e]+$/.test(input) || input.length > maxTextChars)
    throw invalid(path, `must be a line of 1 to ${maxTextChars} printable ASCII characters`)
  if (input.trim() !== input || input.endsWith('.'))
    throw invalid(path, 'must have no space around it and no full stop')
  return input
}

function asTexts(path: string, input: unknown): string[] {
  if (!Array.isArray(input) || input.length === 0 || input.length > maxPatterns)
    throw invalid(path, `must be a list of 1 to ${maxPatterns} texts`)
  return input.map((text: unknown) => {
    if (typeof text !== 'string') throw invalid(path, `${shown(text)} is no text`)
    return text
  })
}

function asRecord(input: unknown, path: string): Record<string, unknown> {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw invalid(path, 'must be an object')
  return input as Record<string, unknown>
}

function requireFields(
  path: string,
  row: Record<string, unknown>,
  required: readonly string[],
  optional: readonly string[] = [],
): void {
  for (const field of required) if (!Object.hasOwn(row, field)) throw invalid(path, `has no ${field}`)
  for (const field of Object.keys(row))
    if (!required.includes(field) && !optional.includes(field))
      throw invalid(path, `has a field ${shown(field)} too many`)
}

function invalid(path: string, problem: string): Error {
  return new Error(`${path.slice(0, 100)}: ${problem}`)
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 100)
}
