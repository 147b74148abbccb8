import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readSettings } from './settings.ts'

const workingDir = mkdtempSync('/tmp/tidemark-settings-')
after(() => rmSync(workingDir, { recursive: true, force: true }))

function read(args: string[], environment: NodeJS.ProcessEnv = {}) {
  return readSettings('up', args, {}, { environment, workingDir })
}

test('without anything said, the defaults hold', () => {
  assert.deepEqual(read([]), {
    ...{ port: 5000, gatewayPort: 5001, host: '127.0.0.1', logLevel: 'info' },
    dataDir: join(workingDir, '.local/data'),
  })
})

test('a flag wins over the environment, that over the data folder’s file, that over the working folder’s', () => {
  const data = join(workingDir, 'data')
  mkdirSync(data)
  writeFileSync(join(workingDir, 'tidemark.config.json'), JSON.stringify({ data, port: 6001, logLevel: 'debug' }))
  assert.deepEqual([read([]).port, read([]).dataDir, read([]).gatewayPort], [6001, data, 6002])
  writeFileSync(join(data, 'tidemark.config.json'), JSON.stringify({ port: '6002' }))
  assert.deepEqual([read([]).port, read([]).logLevel], [6002, 'debug'])
  assert.equal(read([], { TIDEMARK_PORT: '6003' }).port, 6003)
  assert.equal(read(['--port', '6004'], { TIDEMARK_PORT: '6003' }).port, 6004)
  rmSync(join(workingDir, 'tidemark.config.json'))
})

test('a switch is turned on by its flag, its variable or its key', () => {
  assert.equal(read(['--dev-reset']).devReset, true)
  assert.equal(read([], { TIDEMARK_DEV_LOOPBACK_WEBHOOKS: '1' }).devLoopbackWebhooks, true)
  assert.equal('devReset' in read([], { TIDEMARK_DEV_RESET: 'false' }), false)
  const file = join(workingDir, 'tidemark.config.json')
  writeFileSync(file, '{"devReset": true}')
  assert.equal(read([]).devReset, true)
  writeFileSync(file, '{"devReset": "yes"}')
  assert.throws(() => read([]), /must give devReset as true or false/)
  rmSync(file)
  assert.throws(() => read([], { TIDEMARK_DEV_RESET: 'perhaps' }), /TIDEMARK_DEV_RESET must be true or false/)
})

test('a wrong setting is named with its source, and a password is not repeated', () => {
  const table: [string[], NodeJS.ProcessEnv, RegExp][] = [
    [['--port', '0'], {}, /^--port must be a port/],
    [['--port', '5000x'], {}, /^--port must be a port/],
    [['--port', '5000', '--gateway-port', '5000'], {}, /cannot listen on 5000 and 5000/],
    [['--port', '65535'], {}, /cannot listen on 65535 and 65536/],
    [['--prot', '1'], {}, /Unknown option '--prot'.*tidemark up --help/s],
    [['extra'], {}, /Unexpected argument 'extra'/],
    [['--host', '0.0.0.0'], {}, /^Other machines would reach 0\.0\.0\.0.*Add --login/],
    [['--host', '127.0.0.1.evil.example'], {}, /^--host must be an IP address/],
    [[], { TIDEMARK_HOST: '192.168.7.2' }, /Add --login/],
    [['--host', '::', '--login', '--dev-reset'], {}, /lets whoever gets in erase everything/],
    [['--allowed-hosts', '*.example'], {}, /^--allowed-hosts must be names/],
    [['--allowed-hosts', 'http://a.example'], {}, /^--allowed-hosts must be names/],
    [[], { TIDEMARK_GATEWAY_PORT: 'x' }, /^the variable TIDEMARK_GATEWAY_PORT must be/],
    [[], { TIDEMARK_LOG_LEVEL: 'loud' }, /must be one of fatal/],
    [
      [],
      { DATABASE_URL: 'mysql://me:hunter2@db' },
      /^the variable DATABASE_URL must be a URL that begins with postgres:\/\/\.$/,
    ],
  ]
  for (const [args, environment, message] of table)
    assert.throws(() => read(args, environment), { name: 'CliError', message })
})

test('beyond this machine it listens with login alone, and answers to exactly the names that are given', () => {
  const { host, login, allowedHosts } = read([
    '--host',
    '0.0.0.0',
    '--login',
    '--allowed-hosts',
    'a.example:5000, b.example',
  ])
  assert.deepEqual([host, login, allowedHosts], ['0.0.0.0', true, ['a.example:5000', 'b.example']])
  assert.equal(read([], { TIDEMARK_LOGIN: 'true' }).login, true)
  assert.equal(read([]).login, undefined)
})

test('a settings file with an unknown key or without an object is refused', () => {
  const file = join(workingDir, 'tidemark.config.json')
  for (const [content, message] of [
    ['{"prot": 1}', /unknown key "prot"; known are port/],
    ['[]', /must hold one JSON object/],
    ['{', /cannot be read/],
    ['{"port": true}', /must give port as a text or a number/],
  ] as const) {
    writeFileSync(file, content)
    assert.throws(() => read([]), message)
  }
  rmSync(file)
})
