// Takes away Node's own way of showing warnings before any module is loaded; run.ts shows them.

process.removeAllListeners('warning')
