// Settings of JSON, also with comments, and of what is left of a truncated document.
import { visit } from 'jsonc-parser'
import type { Setting } from './setting.ts'

/** Deeper than any file that a person wrote. */
const maxDepth = 200
/** Names that interpret their siblings: `name` and `value`, Kubernetes' `kind: Secret`, Terraform's `type`. */
const structuralName = /^(?:name|key|variable|value|default|defaultValue|type|kind|result)$/i

interface Level {
  /** The name in an object, the position in an array. */
  step: string | number
  /** Where the name begins, or in an array the item before this one. */
  from: number
  isArray: boolean
}

/**
 * @param hits indexes of words that name secrets, in ascending order. A lock file has a hundred thousand
 * values: those without such a word in or before them are left out, except what interprets others.
 * Null if the text is no JSON.
 */
export function readJson(text: string, hits: readonly number[]): Setting[] | null {
  const settings: Setting[] = []
  const levels: Level[] = []
  let position = 0
  let isJson = false
  const isNearHit = (from: number, end: number): boolean => {
    // Values come in the order of the text, and an item looks back as far as the one before it.
    while (position > 0 && hits[position - 1]! >= from) position--
    while (position < hits.length && hits[position]! < from) position++
    return position < hits.length && hits[position]! < end
  }
  const step = (offset: number): { level: Level | undefined; from: number } => {
    const level = levels.at(-1)
    const from = level?.from ?? 0
    if (level?.isArray === true) {
      level.step = (level.step as number) + 1
      level.from = offset
    }
    return { level, from }
  }
  const open = (isArray: boolean, offset: number): boolean => {
    step(offset)
    levels.push({ step: isArray ? -1 : '', from: offset, isArray })
    return levels.length < maxDepth
  }
  const close = (): void => void levels.pop()
  visit(
    text,
    {
      onObjectBegin: (offset) => open(false, offset),
      onObjectEnd: close,
      onArrayBegin: (offset) => open(true, offset),
      onArrayEnd: close,
      onObjectProperty: (name, offset) => {
        const level = levels.at(-1)
        if (level !== undefined) Object.assign(level, { step: name, from: offset })
      },
      onLiteralValue: (value: unknown, offset, length) => {
        isJson = true
        const { level, from } = step(offset)
        if (typeof value !== 'string') return
        const isStructural = typeof level?.step === 'string' && structuralName.test(level.step)
        if (!isStructural && levels.at(-2)?.step !== 'data' && !isNearHit(from, offset + length)) return
        const path = levels.map((entry) => String(entry.step))
        settings.push({ path, value, start: offset + 1, end: offset + length - 1 })
      },
    },
    { allowTrailingComma: true },
  )
  return isJson ? settings : null
}
