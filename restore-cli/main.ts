// The entry point of `holdfast`, which bin/holdfast starts. Nothing but the exit status is decided here.
import './quiet-warnings.ts'
import { run } from './run.ts'

process.exitCode = await run('holdfast', process.argv.slice(2))
