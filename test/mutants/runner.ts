// Takes one safety at a time out of a copy of the working tree and runs the tests that must notice. The tree itself is
// never touched.
import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Mutant {
  name: string
  /** What the safety is there for. */
  why: string
  file: string
  /** Stands in the file exactly once. */
  find: string
  replace: string
  /** The file of tests that must notice it, and, where the whole of it would take long, what their titles contain. */
  test: string
  titled?: string
}

/** What one test came to; a file that can't be loaded has none. */
interface TestOutcome {
  file: string
  title: string
  status: string
  messages: string[]
}

export type Verdict =
  | { kind: 'caught'; file: string; title: string }
  | { kind: 'survived' }
  /** It proves nothing: it did not run at all, or fails for a reason that has nothing to do with the safety. */
  | { kind: 'invalid'; reason: string }

/** Runs tests in `directory`: one that fails ends the run if `bail`. Null if it didn't end in time. */
export type RunTests = (
  directory: string,
  tests: { files: string[]; titled: string[]; bail: boolean },
) => Promise<TestOutcome[] | null>

const limitMs = 120_000
/** A mutant that hangs is caught by this. */
const testTimeoutMs = 15_000
/** What a replacement that doesn't run looks like: no test has judged it then. */
const broken =
  /\b(?:SyntaxError|ReferenceError|ERR_MODULE_NOT_FOUND|ERR_INVALID_TYPESCRIPT_SYNTAX)\b|is not a function/

/** @throws if the text doesn't occur exactly once. Line breaks and indentation don't count: the formatter owns them. */
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

/** The tests that all mutants name, once, without any of them: all of the files named as a whole, and what is titled so. */
export async function runUnmutated(
  mutants: readonly Mutant[],
  directory: string,
  runTests: RunTests,
): Promise<string[]> {
  const whole = [...new Set(mutants.filter(({ titled }) => titled === undefined).map(({ test }) => test))]
  const partly = mutants.filter(({ test, titled }) => titled !== undefined && !whole.includes(test))
  const runs = [
    { files: whole, titled: [], bail: false },
    {
      files: [...new Set(partly.map(({ test }) => test))],
      titled: [...new Set(partly.map(({ titled }) => titled!))],
      bail: false,
    },
  ]
  const outcomes: TestOutcome[] = []
  for (const run of runs.filter(({ files }) => files.length > 0)) {
    const found = await runTests(directory, run)
    if (found === null) return findFaults(mutants, null)
    outcomes.push(...found)
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

/** Vitest in a process of its own, and of its own group: whatever it leaves behind ends with it. */
export const runVitest: RunTests = (directory, { files, titled, bail }) => {
  const report = join(directory, 'mutants-report.json')
  writeFileSync(report, '{}')
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...files,
    // The files of `properties` are those of `unit` again.
    '--project=!properties',
    '--reporter=json',
    `--outputFile=${report}`,
    `--testTimeout=${testTimeoutMs}`,
  ]
  if (titled.length > 0)
    args.push('-t', titled.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'))
  if (bail) args.push('--bail=1')
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      cwd: directory,
      stdio: 'ignore',
      detached: true,
    })
    const end = (): void => {
      try {
        process.kill(-child.pid!, 'SIGKILL')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
    let isLate = false
    const limit = setTimeout(() => {
      isLate = true
      end()
    }, limitMs)
    child.once('error', reject)
    child.once('close', () => {
      clearTimeout(limit)
      end()
      resolve(isLate ? null : readReport(readFileSync(report, 'utf8'), directory))
    })
  })
}

interface Report {
  testResults?: {
    name: string
    assertionResults: { fullName: string; status: string; failureMessages: string[] | null }[]
  }[]
}

export function readReport(json: string, directory: string): TestOutcome[] {
  const { testResults = [] } = JSON.parse(json) as Report
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status, failureMessages }) => ({
      file: name.replace(`${directory}/`, ''),
      title: fullName,
      status,
      messages: failureMessages ?? [],
    })),
  )
}
