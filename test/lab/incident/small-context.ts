// The context of a small drill in a temporary folder, for tests of some of its steps.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Cleanup } from '../../../lab/incident/cleanup.ts'
import type { DrillContext } from '../../../lab/incident/drill-context.ts'
import { makeContext } from '../../../lab/incident/drill.ts'
import { smallSize } from '../../../lab/incident/world/size.ts'

const ignore = (): void => undefined

export interface SmallContext {
  readonly context: DrillContext
  /** Ends its processes, removes its folder, and returns what failed of it. */
  readonly end: () => Promise<string[]>
}

/** @param without a guard to take away. */
export function makeSmallContext({
  without,
  seed = 1,
}: {
  without?: string | undefined
  seed?: number
}): SmallContext {
  const workDirectory = mkdtempSync(path.join(os.tmpdir(), 'hf-drill-'))
  // The server of a database runs as another user.
  chmodSync(workDirectory, 0o711)
  const cleanup = new Cleanup()
  const context = makeContext({
    seed,
    size: smallSize,
    workDirectory,
    toolVersion: '0',
    cleanup,
    signal: new AbortController().signal,
    listener: { begin: ignore, note: ignore, progress: ignore, claim: ignore },
    ...(without === undefined ? {} : { without }),
  })
  const end = async (): Promise<string[]> => {
    const failures = await cleanup.run()
    rmSync(workDirectory, { recursive: true, force: true })
    return failures
  }
  return { context, end }
}
