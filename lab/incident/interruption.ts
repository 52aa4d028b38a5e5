// How a long program of the lab is stopped from outside.
import { exitStatus } from '../../core/errors.ts'

/** Aborted at the first SIGINT or SIGTERM. A second signal ends the process at once. */
export function abortOnSignals(): AbortSignal {
  const interruption = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interruption.signal.aborted) process.exit(exitStatus.interrupted)
      interruption.abort(new Error('interrupted'))
    })
  }
  return interruption.signal
}
