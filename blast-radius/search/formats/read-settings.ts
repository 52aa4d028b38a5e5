// The settings of a text by its format: through the kept parser of its grammar, and around each word that
// names a secret.
import { readAssignment } from './assignments.ts'
import type { Assignment, Grammar } from './assignments.ts'
import { readDockerfile } from './dockerfile-settings.ts'
import type { FileFormat } from './file-format.ts'
import { readJson } from './json-settings.ts'
import { enclosingNames } from './enclosing-names.ts'
import { readProperties } from './properties-settings.ts'
import { interpret } from './interpretation.ts'
import type { Setting } from './setting.ts'
import { readToml } from './toml-settings.ts'
import { readYaml } from './yaml-settings.ts'

export interface ReadSettings {
  settings: Setting[]
  /** False where the parser understood a part only: the rest was read line by line. */
  isWhole: boolean
}

/** A parsed tree takes some fifty times the room of its text. YAML has a limit for each document, JSON no tree. */
const maxTreeLength = 500_000
const streamed = new Set<FileFormat>(['json', 'yaml'])

/** Whether a file must be read as a whole: a part of it is no document. */
export function isReadWhole(format: FileFormat, length: number): boolean {
  return grammarOf(format) === null && (streamed.has(format) || length <= maxTreeLength)
}

/** @param hits indexes of words that name secrets, in ascending order. */
export function readSettings(text: string, format: FileFormat, hits: readonly number[]): ReadSettings {
  const grammar = grammarOf(format)
  if (grammar !== null) return { settings: readAround(text, hits, grammar, format === 'hcl'), isWhole: true }
  const parsed = parse(text, format, hits)
  if (parsed === null) return { settings: readAround(text, hits, 'settings', false), isWhole: false }
  const settings = parsed.documents.flatMap(interpret)
  const unread = hits.filter(
    (hit) => format === 'dockerfile' || isInComment(text, hit) || isInside(parsed.documents, hit),
  )
  return {
    settings: [
      ...settings,
      ...readAround(text, unread, 'shell', false),
      ...(parsed.isWhole ? [] : readAround(text, hits, 'settings', false)),
    ],
    isWhole: parsed.isWhole,
  }
}

function grammarOf(format: FileFormat): Grammar | null {
  if (format === 'hcl') return 'code'
  return format === 'settings' || format === 'shell' || format === 'code' || format === 'prose'
    ? format
    : null
}

/** Null if the text is not what its name says. */
function parse(
  text: string,
  format: FileFormat,
  hits: readonly number[],
): { documents: Setting[][]; isWhole: boolean } | null {
  if (text.length > maxTreeLength && !streamed.has(format)) return null
  try {
    switch (format) {
      case 'json': {
        const settings = readJson(text, hits)
        return settings === null ? null : { documents: [settings], isWhole: true }
      }
      case 'yaml':
        return readYaml(text, hits)
      case 'toml':
        return { documents: [readToml(text)], isWhole: true }
      case 'properties':
        return { documents: [readProperties(text)], isWhole: true }
      default:
        return { documents: [readDockerfile(text)], isWhole: true }
    }
  } catch {
    return null
  }
}

function readAround(text: string, hits: readonly number[], grammar: Grammar, isHcl: boolean): Assignment[] {
  const assignments = new Map<number, Assignment>()
  for (const hit of hits) {
    const assignment = readAssignment(text, hit, grammar)
    if (assignment === null || assignments.has(assignment.start)) continue
    const outer = grammar === 'settings' || isHcl ? enclosingNames(text, hit, isHcl) : []
    assignments.set(assignment.start, { ...assignment, path: [...outer, ...assignment.path] })
  }
  return [...assignments.values()]
}

function isInComment(text: string, index: number): boolean {
  const line = text.slice(text.lastIndexOf('\n', index - 1) + 1, index)
  return /^[ \t]*(?:#|\/\/|;|!)|[ \t](?:#|\/\/)[^"']*$/.test(line)
}

/** A document within a document: what a value of several words has is read as the lines of a shell. */
function isInside(documents: readonly Setting[][], index: number): boolean {
  return documents.some((settings) => {
    let [low, high] = [0, settings.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (settings[middle]!.end <= index) low = middle + 1
      else high = middle
    }
    return (settings[low]?.start ?? Infinity) <= index
  })
}
