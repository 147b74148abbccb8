import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Site, startPlatform } from './platform.ts'
import { CLONE, runScript } from './python.ts'

const PASSWORD = 'a good password of ann'
let site: Site
before(async () => {
  site = await startPlatform('login', { login: true })
})
after(() => site.end())

/** Runs a part of the script as somebody who has only set variables; few retries, because a refusal does not get better. */
function play(part: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const script = 'apps/cli/src/journeys/fixtures/login_client.py'
  return runScript('test.txt', script, site.connection.url, [part], {
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: '1',
    ...environment,
  })
}

/** Runs `tidemark` in a terminal that has a token; `input` is typed. */
function tidemark(args: readonly string[], token: string | undefined, input = ''): Promise<string> {
  const child = spawn(join(CLONE, 'tidemark'), args, {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TIDEMARK_URL: site.connection.url,
      ...(token === undefined ? {} : { TIDEMARK_TOKEN: token }),
    },
  })
  const said: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk))
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => resolve(Buffer.concat(said).toString()))
  })
}

test('the first start tells the admin token once, to the terminal alone: no file below the data folder has it', () => {
  const token = site.adminToken ?? ''
  assert.match(token, /^tdm_/)
  const { dataDir } = site.platform
  let read = 0
  for (const folder of ['logs', 'run', 'gateway']) {
    for (const name of readdirSync(join(dataDir, folder), { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue
      read += 1
      assert.ok(!readFileSync(join(name.parentPath, name.name)).includes(token), name.name)
    }
  }
  assert.ok(read >= 5, `${read} files were read`)
})

test('from the first token to a colleague, in the terminal', async () => {
  const admin = site.adminToken
  assert.match(await tidemark(['users', 'list'], undefined), /asks who you are/)
  assert.match(
    await tidemark(['users', 'add', 'ann', '--role', 'editor'], admin, `${PASSWORD}\n`),
    /ann may sign in as editor/,
  )
  assert.match(
    await tidemark(['users', 'add', 'vic', '--role', 'viewer'], admin, `${PASSWORD}\n`),
    /vic may sign in as viewer/,
  )
  assert.match(await tidemark(['users', 'add', 'weak'], admin, 'short\n'), /at least 12 characters/)
  const login = await tidemark(['login', 'ann'], undefined, `${PASSWORD}\n`)
  const own = /export TIDEMARK_TOKEN=(\S+)/.exec(login)?.[1]
  assert.ok(own, login)
  assert.match(await tidemark(['users', 'members'], own), /You lack the permission identity\.read/)
  assert.match(await tidemark(['datasets', 'list'], own), /^NAME +VERSION/)
})

test('the unmodified mlflow client goes its whole way with a name and a password', async (t) => {
  const said = await play('whole-way', { MLFLOW_TRACKING_USERNAME: 'ann', MLFLOW_TRACKING_PASSWORD: PASSWORD })
  t.diagnostic(said.trim().split('\n').at(-1) ?? '')
  assert.match(said, /whole way: 1 run/)
})

test('without credentials, with wrong ones and with a revoked token it is refused everything', async () => {
  const { token, description } = await site.connection.client.identity.createToken({
    body: { name: 'ci', role: 'owner' },
  })
  await site.connection.client.identity.revokeToken({ params: { token: description.id } })
  const refusals: NodeJS.ProcessEnv[] = [
    {},
    { MLFLOW_TRACKING_USERNAME: 'ann', MLFLOW_TRACKING_PASSWORD: 'not her password' },
    { MLFLOW_TRACKING_TOKEN: token },
  ]
  for (const environment of refusals) {
    const said = await play('refused', environment)
    assert.deepEqual(said.match(/refused: \w+/g), Array(3).fill('refused: UNAUTHENTICATED'))
  }
})

test('a viewer reads what an editor logged and changes nothing, by password or by token', async () => {
  const said = await play('reads', { MLFLOW_TRACKING_USERNAME: 'vic', MLFLOW_TRACKING_PASSWORD: PASSWORD })
  assert.match(said, /reads: \{'loss': 0\.5\}/)
  const { token } = await site.connection.client.identity.createToken({ body: { name: 'reader', role: 'viewer' } })
  assert.match(await play('reads', { MLFLOW_TRACKING_TOKEN: token }), /reads: \{'loss': 0\.5\}/)
})

test('the client makes workspaces, names them, and sees in each its own', async () => {
  const said = await play('workspaces', { MLFLOW_TRACKING_TOKEN: site.adminToken })
  assert.match(said, /workspaces: \['default', 'team-a', 'team-b'\]/)
})
