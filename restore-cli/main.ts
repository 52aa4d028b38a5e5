#!/usr/bin/env node
// The entry point of `holdfast`. Nothing but the exit status is decided here.
import './quiet-warnings.ts'
import { run } from './run.ts'

process.exitCode = await run('holdfast', process.argv.slice(2))
