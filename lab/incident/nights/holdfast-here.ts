// Holdfast in this process: the command line's own code, with an environment and streams of its own. It saves the
// start of a process where a world runs hundreds of commands.
import { PassThrough } from 'node:stream'
import type { Bin } from '../../../restore-cli/invocation.ts'
import { run } from '../../../restore-cli/run.ts'

export interface CommandOutcome {
  status: number
  stdout: string
  stderr: string
}

/** Runs one command at a time, because the AWS SDK reads the environment of the process. */
export async function runHere(
  bin: Bin,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<CommandOutcome> {
  const processEnvironment = { ...process.env }
  const [stdout, stderr] = [new Capture(), new Capture()]
  replaceEnvironment(environment)
  try {
    const status = await run(bin, args, { env: process.env, stdout, stderr })
    return { status, stdout: stdout.text, stderr: stderr.text }
  } finally {
    replaceEnvironment(processEnvironment)
  }
}

class Capture extends PassThrough {
  text = ''

  constructor() {
    super({ encoding: 'utf8' })
    this.on('data', (text: string) => (this.text += text))
  }
}

function replaceEnvironment(environment: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name]
  Object.assign(process.env, environment)
}
