// Hides Node's warning that its SQLite is experimental, because users can do nothing about it. Shows all other
// warnings.

process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning')
    process.stderr.write(`warning: ${warning.name}: ${warning.message}\n`)
})
