// A labelled corpus: files with secrets and near misses, made at run time from templates, so that no
// scanner finds a secret in this repository.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { invent, inventUuid } from './planted.ts'

export interface Span {
  start: number
  end: number
}

export interface CorpusFile {
  path: string
  text: string
  /** The values that a search must find, with the corpus' own name of their kind. */
  secrets: (Span & { label: string })[]
  /** The values that a search must pass over. */
  nearMisses: Span[]
}

export interface Score {
  matches: number
  missed: string[]
  falseAlarms: string[]
}

const hex = '0123456789abcdef'
const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const lower = upper.toLowerCase()
const digits = '0123456789'
const alphabets: Readonly<Record<string, string>> = {
  hex,
  HEX: hex.toUpperCase(),
  digits,
  lower: lower + digits,
  UPPER: upper + digits,
  alpha: upper + lower,
  alnum: upper + lower + digits,
  base64: `${upper}${lower}${digits}+/`,
  base64url: `${upper}${lower}${digits}-_`,
  bech32: 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L',
}
const words =
  'amber basket copper dragon ember falcon garden hollow island jungle kettle lantern marble'.split(' ')

/**
 * Templates of a folder: `== PATH` begins a file, `«label:value»` is a secret, `‹value›` a near miss, and
 * `{alphabet:length}` characters that differ at each occurrence.
 */
export function readCorpus(folder: string): CorpusFile[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.txt') && name !== 'carriers.txt')
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split(/^== /m).slice(1))
    .map((section) => {
      const lineEnd = section.indexOf('\n')
      return readTemplate(section.slice(0, lineEnd), section.slice(lineEnd + 1))
    })
}

export function readTemplate(path: string, template: string): CorpusFile {
  const expanded = expand(template, path)
  const file: CorpusFile = { path, text: '', secrets: [], nearMisses: [] }
  for (const part of expanded.split(/(«[^»]*»|‹[^›]*›)/)) {
    const start = file.text.length
    const label = /^«([\w-]+):/.exec(part)
    const isMarked = label !== null || part.startsWith('‹')
    file.text += isMarked ? part.slice(label?.[0].length ?? 1, -1) : part
    const span = { start, end: file.text.length }
    if (label !== null) file.secrets.push({ ...span, label: label[1]! })
    else if (isMarked) file.nearMisses.push(span)
  }
  return file
}

function expand(template: string, seed: string): string {
  let occurrence = 0
  const simple = template.replace(
    /\{(uuid|word|aws|pem|pemjson|jwt|literal|hex|HEX|digits|lower|UPPER|alpha|alnum|base64|base64url|bech32)(?::([\w-]+))?\}/g,
    (_match, name: string, argument: string | undefined) =>
      generate(name, argument, `${seed} ${occurrence++}`),
  )
  return simple.replace(/\{base64of:([^{}]*)\}/g, (_match, text: string) =>
    Buffer.from(text.replaceAll('\\n', '\n')).toString('base64'),
  )
}

function generate(name: string, argument: string | undefined, seed: string): string {
  switch (name) {
    case 'uuid':
      return inventUuid(seed)
    case 'word':
      return words[invent(seed, 1).charCodeAt(0) % words.length]!
    case 'literal':
      return argument!
    case 'aws':
      // The first characters of an id carry the account, whose range begins at Q.
      return `R${invent(seed, Number(argument) - 1, `${upper}234567`)}`
    case 'pem':
    case 'pemjson':
      return Array.from({ length: Number(argument) }, (_, line) =>
        invent(`${seed} ${line}`, 64, alphabets['base64']),
      ).join(name === 'pem' ? '\n' : '\\n')
    case 'jwt':
      return makeJwt(argument!, seed)
    default:
      return invent(seed, Number(argument), alphabets[name])
  }
}

function makeJwt(role: string, seed: string): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const payload = {
    iss: 'supabase',
    ref: invent(seed, 20, lower),
    role,
    iat: 1_760_000_000,
    exp: 2_075_000_000,
  }
  return `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}.${invent(seed, 43, alphabets['base64url'])}`
}

/** Compares a search's findings with the labels. A finding that lies in no secret is a false alarm. */
export function score(file: CorpusFile, findings: readonly Span[]): Score {
  const isIn = (finding: Span, secret: Span): boolean =>
    finding.start < secret.end && secret.start < finding.end
  const show = ({ start, end }: Span): string =>
    `${file.path}: ${file.text.slice(lineStart(file.text, start), end)}`
  const missed = file.secrets.filter((secret) => !findings.some((finding) => isIn(finding, secret)))
  return {
    matches: file.secrets.length - missed.length,
    missed: missed.map((secret) => `${secret.label} ${show(secret)}`),
    falseAlarms: findings
      .filter((finding) => !file.secrets.some((secret) => isIn(finding, secret)))
      .map(show),
  }
}

function lineStart(text: string, index: number): number {
  return Math.max(text.lastIndexOf('\n', index - 1) + 1, index - 100)
}

/**
 * Each form of `forms.tsv`, in some of the files of `carriers.txt`; each near miss of `near-misses.tsv`, in
 * some of them too.
 */
export function crossCorpus(folder: string, perForm: number, perNearMiss: number): CorpusFile[] {
  const carriers = readFileSync(join(folder, 'carriers.txt'), 'utf8').split(/^== /m).slice(1)
  const rows = (name: string): string[][] =>
    readFileSync(join(folder, name), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
  const forms = rows('forms.tsv').map(([label, name, value]) => ({
    name: name!,
    value: value!,
    label: label!,
  }))
  const nearMisses = rows('near-misses.tsv').map(([name, value]) => ({
    name: name!,
    value: value!,
    label: null,
  }))
  // Steps without a common divisor, so that over all forms every carrier has its turn.
  const pick = (entry: Entry, index: number, count: number): CorpusFile[] =>
    Array.from({ length: count }, (_, turn) =>
      fill(carriers[(index * 5 + turn * 7) % carriers.length]!, entry, index),
    )
  return [
    ...forms.flatMap((entry, index) => pick(entry, index, perForm)),
    ...nearMisses.flatMap((entry, index) => pick(entry, index, perNearMiss)),
  ]
}

interface Entry {
  name: string
  value: string
  label: string | null
}

function fill(carrier: string, { name, value, label }: Entry, index: number): CorpusFile {
  const lineEnd = carrier.indexOf('\n')
  const lowerName = /[a-z]/.test(name) ? name : name.toLowerCase()
  const marked = (text: string): string => (label === null ? `‹${text}›` : `«${label}:${text}»`)
  const text = carrier
    .slice(lineEnd + 1)
    .replaceAll('@NAME@', name)
    .replaceAll('@name@', lowerName)
    .replaceAll('@dotted@', lowerName.replaceAll('_', '.'))
    .replaceAll(
      '@camel@',
      lowerName.replace(/_(\w)/g, (_match, letter: string) => letter.toUpperCase()),
    )
    .replaceAll('@VALUE@', () => marked(value))
    .replaceAll('@BASE64@', () => marked(`{base64of:${value}}`))
  return readTemplate(`${index}/${carrier.slice(0, lineEnd)}`, text)
}
