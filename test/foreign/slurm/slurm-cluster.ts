// Slurm from Debian (`slurm-wlm`, `munge`) on this machine: a controller and one node. The node says that it has eight
// processors, because the tasks of the tests wait for a link most of the time. Needs root, for the node's daemon.
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { makeFolder } from '../../restore-cli/command-line.ts'
import { findFreePort } from '../versitygw.ts'

const processors = 8
const startAttempts = 100

/** The environment of Slurm's commands. The cluster ends with the tests of the file. */
export async function startSlurm(): Promise<{ SLURM_CONF: string }> {
  const folder = makeFolder()
  // All users of a cluster reach its authentication.
  chmodSync(folder, 0o755)
  for (const name of ['state', 'spool']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'key'), randomBytes(1024), { mode: 0o600 })
  const configuration = join(folder, 'slurm.conf')
  writeFileSync(configuration, await configurationText(folder))
  // Without it, a plugin looks for systemd. No plugin that is configured here makes a control group.
  writeFileSync(join(folder, 'cgroup.conf'), 'CgroupPlugin=cgroup/v1\n')
  const environment = { SLURM_CONF: configuration }
  const munge = ['key-file=key', 'socket=munge.socket', 'pid-file=munge.pid', 'seed-file=seed'].map(
    (text) => {
      const [name, file] = text.split('=') as [string, string]
      return `--${name}=${join(folder, file)}`
    },
  )
  const daemons = [
    start('munged', ['--foreground', '--force', ...munge], folder),
    start('slurmctld', ['-D', '-f', configuration], folder),
    start('slurmd', ['-D', '-f', configuration], folder),
  ]
  afterAll(() => daemons.reverse().forEach((daemon) => daemon.kill('SIGKILL')))
  for (let attempt = 1; ; attempt++) {
    const { stdout } = spawnSync('sinfo', ['--noheader', '--format=%T'], {
      env: { ...process.env, ...environment },
      encoding: 'utf8',
    })
    if (stdout?.trim() === 'idle') return environment
    if (attempt === startAttempts)
      throw new Error(
        `Slurm doesn't start:\n${['munged', 'slurmctld', 'slurmd'].map((name) => readFileSync(join(folder, `${name}.log`), 'utf8')).join('\n')}`,
      )
    await sleep(200)
  }
}

function start(program: string, args: readonly string[], folder: string): ChildProcess {
  const log = join(folder, `${program}.log`)
  const daemon = spawn('sh', ['-c', 'exec "$0" "$@" >>"$LOG" 2>&1', program, ...args], {
    stdio: 'ignore',
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin`, LOG: log },
  })
  process.prependOnceListener('exit', () => daemon.kill('SIGKILL'))
  return daemon
}

async function configurationText(folder: string): Promise<string> {
  const node = hostname().split('.')[0]!
  const settings = {
    ClusterName: 'test',
    SlurmctldHost: `${node}(127.0.0.1)`,
    SlurmctldPort: await findFreePort(),
    SlurmdPort: await findFreePort(),
    SlurmUser: 'root',
    SlurmdUser: 'root',
    AuthType: 'auth/munge',
    AuthInfo: `socket=${join(folder, 'munge.socket')}`,
    MpiDefault: 'none',
    ProctrackType: 'proctrack/linuxproc',
    TaskPlugin: 'task/none',
    SelectType: 'select/cons_tres',
    SelectTypeParameters: 'CR_CPU',
    SchedulerParameters: 'sched_min_interval=100000,batch_sched_delay=0',
    ReturnToService: 2,
    SlurmctldPidFile: join(folder, 'slurmctld.pid'),
    SlurmdPidFile: join(folder, 'slurmd.pid'),
    SlurmdSpoolDir: join(folder, 'spool'),
    StateSaveLocation: join(folder, 'state'),
    SlurmdParameters: 'config_overrides',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  return `${lines.join('\n')}
NodeName=${node} NodeAddr=127.0.0.1 CPUs=${processors} State=UNKNOWN
PartitionName=all Nodes=${node} Default=YES State=UP
`
}
