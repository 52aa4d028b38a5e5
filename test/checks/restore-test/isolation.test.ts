// Where restored programs run: what they see of this machine, and what happens where namespaces can't be made.
import { spawnSync } from 'node:child_process'
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { FargateTask, Namespaces, programEnvironment } from '../../../checks/restore-test/isolation.ts'
import type { VisiblePaths } from '../../../checks/restore-test/isolation.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'

const folder = makeFolder()
const signal = new AbortController().signal
const [writable, readable] = [join(folder, 'shown'), join(folder, 'kept')]
for (const directory of [writable, readable]) {
  mkdirSync(directory)
  writeFileSync(join(directory, 'file'), 'content')
}

function runShell(
  script: string,
  visible: Partial<VisiblePaths> = {},
): { status: number | null; text: string } {
  const { program, args } = new Namespaces().enclose(
    { program: realpathSync('/bin/sh'), args: ['-c', script] },
    { writable: [], readable: [], ...visible },
  )
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: programEnvironment })
  return { status, text: `${stdout}${stderr}` }
}

test('a program sees the paths that it is given, and changes only those that it may', () => {
  const visible = { writable: [writable], readable: [readable] }
  expect(runShell(`cat ${writable}/file ${readable}/file && : > ${writable}/new`, visible)).toEqual({
    status: 0,
    text: 'contentcontent',
  })
  expect(runShell(`: > ${readable}/new`, visible).text).toContain('Read-only file system')
  expect(runShell(`ls ${folder}`, visible).text.trim().split('\n')).toEqual(['kept', 'shown'])
})

test.each([
  ['a file of the caller', `cat ${readable}/file`],
  ['homes', 'ls /root /home'],
  ['sockets of services', 'ls /run /var'],
  ['names of users', 'cat /etc/passwd'],
  ['processes', 'ls /proc/1 /proc/$$ /proc/self/status'],
  ['devices', 'ls /sys /dev/sda /dev/vda'],
])('it does not see: %s', (_, script) => {
  const { status, text } = runShell(script, { readable: [writable] })
  expect(status).not.toBe(0)
  expect(text.replaceAll(/^.*(No such file|cannot access).*\n/gm, '')).toBe('')
})

test('it reaches no network, not even a service of this machine', async () => {
  const listener = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => listener.once('listening', resolve))
  const connect = `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${(listener.address() as AddressInfo).port}'`
  expect(spawnSync('/bin/sh', ['-c', connect]).status).toBe(0)
  expect(runShell(connect).text).toContain('Connection refused')
  listener.close()
})

test('it reaches no process of the caller, has no rights, and can make no further namespace', () => {
  expect(runShell(`kill -0 ${process.pid}`).text).toMatch(/No such process/)
  expect(runShell('unshare --user true').status).not.toBe(0)
  expect(runShell('mount -t tmpfs none /tmp').status).not.toBe(0)
})

test('it can write nowhere else but to /tmp, which ends with it', () => {
  expect(runShell(': > /file').text).toContain('Read-only file system')
  expect(runShell(': > /usr/file').status).not.toBe(0)
  expect(runShell(': > /tmp/file && ls /tmp')).toEqual({ status: 0, text: 'file\n' })
})

test('it sees what lies beside the `bin` of its installation, and nothing else of that directory', () => {
  for (const name of ['bin', 'lib', '.aws']) mkdirSync(join(folder, 'home', name), { recursive: true })
  const script = join(folder, 'home', 'bin', 'postgres')
  writeFileSync(script, `#!/bin/sh\nls -A ${folder}/home ${folder}/home/bin\n`, { mode: 0o755 })
  writeFileSync(join(folder, 'home', 'bin', 'secret'), '')
  const { program, args } = new Namespaces().enclose(
    { program: script, args: [] },
    { writable: [], readable: [] },
  )
  const { stdout } = spawnSync(program, args, { encoding: 'utf8', env: programEnvironment })
  expect(stdout.split(/\s+/).filter((name) => name !== '' && !name.includes('/'))).toEqual([
    'bin',
    'lib',
    'postgres',
  ])
})

test('a machine with namespaces is accepted', async () => {
  await new Namespaces().assertPossible(undefined, signal)
})

test('a machine without bubblewrap, or without namespaces, is refused with the reason and a remedy', async () => {
  const refusing = join(folder, 'refusing-bwrap')
  writeFileSync(refusing, '#!/bin/sh\necho "bwrap: No permissions to create new namespace" >&2\nexit 1\n', {
    mode: 0o755,
  })
  for (const [bubblewrap, reason] of [
    ['/nowhere/bwrap', 'there is no program bwrap'],
    [refusing, 'No permissions to create new namespace'],
  ] as const)
    await expect(new Namespaces(bubblewrap).assertPossible(undefined, signal)).rejects.toMatchObject({
      code: 'not-isolated',
      message: expect.stringContaining(reason) as string,
      hint: expect.stringContaining('bubblewrap') as string,
    })
})

test('a kernel that makes no namespaces ends the command with 15, before it copies anything', () => {
  const [cluster, programs, scratch] = ['cluster', 'programs', 'scratch'].map((name) => join(folder, name))
  for (const directory of [cluster!, programs!, scratch!]) mkdirSync(directory)
  writeFileSync(join(cluster!, 'PG_VERSION'), '18\n')
  writeFileSync(join(programs!, 'postgres'), '#!/bin/sh\necho "ERROR:  started" >&2\n', { mode: 0o755 })
  const main = resolve(import.meta.dirname, '../../../restore-cli/main.ts')
  // Within these namespaces no further ones can be made, as in a container of Fargate.
  const { status, stdout, stderr } = spawnSync(
    'bwrap',
    [
      ...[
        '--unshare-user',
        '--disable-userns',
        '--dev-bind',
        '/',
        '/',
        '--',
        process.execPath,
        main,
        'examine',
      ],
      ...[cluster!, '--kind', 'postgres', '--postgres-bin', programs!, '--scratch', scratch!, '--json'],
    ],
    { encoding: 'utf8' },
  )
  expect({ status, stdout }).toEqual({ status: 15, stdout: '' })
  expect(JSON.parse(stderr.trim().split('\n').at(-1)!)).toMatchObject({ code: 'not-isolated' })
  expect(spawnSync('ls', [scratch!], { encoding: 'utf8' }).stdout).toBe('')
})

test('only a task of Fargate without credentials may do without namespaces', async () => {
  const fargate = { AWS_EXECUTION_ENV: 'AWS_ECS_FARGATE', AWS_REGION: 'eu-central-1' }
  await new FargateTask(fargate).assertPossible()
  for (const environment of [
    {},
    { AWS_EXECUTION_ENV: 'AWS_ECS_EC2' },
    { ...fargate, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/x' },
    { ...fargate, AWS_ACCESS_KEY_ID: 'x' },
    { ...fargate, AWS_WEB_IDENTITY_TOKEN_FILE: '/x' },
  ])
    await expect(new FargateTask(environment).assertPossible()).rejects.toMatchObject({
      code: 'not-isolated',
    })
})
