// Takes one safety at a time out of a copy of the working tree and runs the tests that must notice. The tree
// itself is never touched.
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Mutant {
  name: string
  /** The purpose of the safety. */
  why: string
  file: string
  /** Must stand in the file exactly once. */
  find: string
  replace: string
  /** The test file that must fail; for a slow file, also a part of the titles of the tests to run. */
  test: string
  titled?: string
}

/** The outcome of one test; a file that can't be loaded has no outcome. */
export interface TestOutcome {
  file: string
  title: string
  status: string
  messages: string[]
}

export type Verdict =
  | { kind: 'caught'; file: string; title: string }
  | { kind: 'survived' }
  /** Proves nothing: it did not run, or failed for a reason other than the removed safety. */
  | { kind: 'invalid'; reason: string }

export interface TestRequest {
  files: string[]
  /** Parts of titles; all tests if empty. */
  titled: string[]
  /** Whether the first test that fails ends the run. */
  bail: boolean
  /** Sources that differ from the tree. */
  changedFiles: string[]
}

/** Runs tests in `directory`. Null if they didn't end in time. */
export type RunTests = (directory: string, request: TestRequest) => Promise<TestOutcome[] | null>

export const limitMs = 120_000
/** Errors of a replacement that doesn't run: no test has judged it. */
const broken =
  /\b(?:SyntaxError|ReferenceError|ERR_MODULE_NOT_FOUND|ERR_INVALID_TYPESCRIPT_SYNTAX)\b|is not a function/

/**
 * @throws if the text doesn't occur exactly once. Line breaks and indentation don't count: the formatter owns
 * them.
 */
export function applyMutant(source: string, { name, file, find, replace }: Mutant): string {
  const [match, another] = source.matchAll(new RegExp(`(?=(${ignoringLayout(find)}))`, 'g'))
  if (match === undefined) throw new Error(`${name}: its text is not in ${file} any more`)
  if (another !== undefined) throw new Error(`${name}: its text stands in ${file} more than once`)
  return source.slice(0, match.index) + replace + source.slice(match.index + match[1]!.length)
}

/** A pattern for `text` that accepts any white space between its words and signs. */
function ignoringLayout(text: string): string {
  const tokens = text.match(/\w+|[^\w\s]/g) ?? []
  return tokens
    .map((token, index) => {
      if (index === 0) return escapePattern(token)
      const isBetweenWords = /\w/.test(token) && /\w/.test(tokens[index - 1]!)
      return (isBetweenWords ? '\\s+' : '\\s*') + escapePattern(token)
    })
    .join('')
}

function escapePattern(token: string): string {
  return token.replace(/[^\w]/g, '\\$&')
}

/** @throws for names that are used twice, and for texts that don't apply. */
export function checkMutants(mutants: readonly Mutant[], read: (file: string) => string): void {
  const names = new Set<string>()
  for (const mutant of mutants) {
    if (names.has(mutant.name)) throw new Error(`two mutants are called ${mutant.name}`)
    names.add(mutant.name)
    applyMutant(read(mutant.file), mutant)
  }
}

export function judge(outcomes: readonly TestOutcome[] | null): Verdict {
  if (outcomes === null)
    return { kind: 'invalid', reason: `its tests did not end within ${limitMs / 1000} s` }
  const failed = outcomes.filter(({ status }) => status === 'failed')
  const honest = failed.find(({ messages }) => !messages.some((message) => broken.test(message)))
  if (honest !== undefined) return { kind: 'caught', file: honest.file, title: honest.title }
  if (failed.length > 0)
    return { kind: 'invalid', reason: `it doesn't run: ${failed[0]!.messages[0]?.split('\n')[0] ?? ''}` }
  if (!outcomes.some(({ status }) => status === 'passed')) return { kind: 'invalid', reason: 'no test ran' }
  return { kind: 'survived' }
}

/** Why the tests can't judge a mutant: they fail without one, or none has such a title. */
export function findFaults(mutants: readonly Mutant[], outcomes: readonly TestOutcome[] | null): string[] {
  if (outcomes === null) return ['the tests did not end in time without a mutant']
  const red = outcomes
    .filter(({ status }) => status === 'failed')
    .map(({ file, title }) => `red without a mutant: ${file}: ${title}`)
  const silent = mutants.filter(
    ({ test, titled = '' }) =>
      !outcomes.some(
        ({ file, title, status }) => file === test && status === 'passed' && title.includes(titled),
      ),
  )
  return [
    ...red,
    ...silent.map(
      ({ name, test, titled = '' }) =>
        `${name}: no test of ${test} passes without it${titled === '' ? '' : ` whose title contains ${JSON.stringify(titled)}`}`,
    ),
  ]
}

/**
 * The tests that all mutants name, once, without any of them: all of the files named as a whole, and what is
 * titled so.
 */
export async function runUnmutated(
  mutants: readonly Mutant[],
  directory: string,
  runTests: RunTests,
): Promise<string[]> {
  const whole = [...new Set(mutants.filter(({ titled }) => titled === undefined).map(({ test }) => test))]
  const partly = mutants.filter(({ test, titled }) => titled !== undefined && !whole.includes(test))
  const runs = [
    { files: whole, titled: [], bail: false, changedFiles: [] },
    {
      files: [...new Set(partly.map(({ test }) => test))],
      titled: [...new Set(partly.map(({ titled }) => titled!))],
      bail: false,
      changedFiles: [],
    },
  ]
  const outcomes: TestOutcome[] = []
  for (const run of runs.filter(({ files }) => files.length > 0)) {
    const results = await runTests(directory, run)
    if (results === null) return findFaults(mutants, null)
    outcomes.push(...results)
  }
  return findFaults(mutants, outcomes)
}

/** Each mutant in one of `directories`, as many at once as there are. */
export async function runMutants(
  mutants: readonly Mutant[],
  directories: readonly string[],
  runTests: RunTests,
  onVerdict: (mutant: Mutant, verdict: Verdict) => void,
): Promise<void> {
  const waiting = [...mutants]
  await Promise.all(
    directories.map(async (directory) => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const path = join(directory, mutant.file)
        const source = readFileSync(path, 'utf8')
        writeFileSync(path, applyMutant(source, mutant))
        try {
          onVerdict(
            mutant,
            judge(
              await runTests(directory, {
                files: [mutant.test],
                titled: mutant.titled === undefined ? [] : [mutant.titled],
                bail: true,
                changedFiles: [mutant.file],
              }),
            ),
          )
        } finally {
          writeFileSync(path, source)
        }
      }
    }),
  )
}

/** @param files relative to `root`. Dependencies are shared. */
export function copyTree(root: string, files: readonly string[], directory: string): void {
  for (const file of files) {
    mkdirSync(dirname(join(directory, file)), { recursive: true })
    copyFileSync(join(root, file), join(directory, file))
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
}
