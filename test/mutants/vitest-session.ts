// One Vitest for many runs in the same directory: to start it takes longer than most mutants' tests.
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { TestOutcome, TestRequest } from './runner.ts'

const serverPath = join(import.meta.dirname, 'vitest-server.ts')

export class VitestSession {
  private readonly directory: string
  private readonly limitMs: number
  private server: ChildProcess | null = null

  constructor(directory: string, limitMs: number) {
    this.directory = directory
    this.limitMs = limitMs
  }

  /** Null if the tests did not end in time. No outcome if Vitest itself ended. */
  run(request: TestRequest): Promise<TestOutcome[] | null> {
    const server = (this.server ??= this.start())
    return new Promise((resolve, reject) => {
      const finish = (outcomes: TestOutcome[] | null): void => {
        clearTimeout(limit)
        server.off('message', finish).off('exit', fail).off('error', reject)
        resolve(outcomes)
      }
      const fail = (): void => {
        this.end()
        finish([])
      }
      const limit = setTimeout(() => {
        this.end()
        finish(null)
      }, this.limitMs)
      server.once('message', finish).once('exit', fail).once('error', reject)
      server.send(request)
    })
  }

  /** Ends Vitest with all processes that its tests left behind. The next run starts it again. */
  end(): void {
    const { server } = this
    this.server = null
    if (server?.pid === undefined) return
    try {
      process.kill(-server.pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  /** In a process group of its own. */
  private start(): ChildProcess {
    return fork(serverPath, {
      cwd: this.directory,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: 'ignore',
      detached: true,
    })
  }
}
