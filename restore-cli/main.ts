// The entry point of `holdfast`, started by bin/holdfast. It only sets the exit status.
import './node-version.ts'
import './quiet-warnings.ts'

const { run } = await import('./run.ts')
process.exitCode = await run('holdfast', process.argv.slice(2))
