// The entry point of `holdfast`, started by bin/holdfast. It only sets the exit status.
import './quiet-warnings.ts'
import { run } from './run.ts'

process.exitCode = await run('holdfast', process.argv.slice(2))
