// Node warns that its SQLite is experimental. Users of the command can do nothing about it; every other warning is shown.

process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning')
    process.stderr.write(`warning: ${warning.name}: ${warning.message}\n`)
})
