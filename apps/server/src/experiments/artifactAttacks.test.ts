import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { type Answer, callsTo, type Sent } from './artifactCalls.ts'

// Every attack here once worked on a server of this kind; the numbers are those of the CVE list.

const SECRET = 'what-nobody-may-read-2f6c'
const PROXY = '/api/2.0/mlflow-artifacts/artifacts'

let server: TestServer
let call: ReturnType<typeof callsTo>
/** A folder beside the platform's: what lies in it is the secret. */
let outside: string
/** A service of the network that only the server can reach. */
let inner: Server
let innerUrl: string
let innerCalls = 0
let run: string
let root: string

before(async () => {
  server = await startTestServer({ logLevel: 'fatal' })
  call = callsTo(server.url)
  outside = await mkdtemp(join(tmpdir(), 'tidemark-outside-'))
  await writeFile(join(outside, 'secret.txt'), SECRET)
  await writeFile(join(server.dataDir, 'secret.txt'), SECRET)
  inner = createServer((_request, response) => {
    innerCalls += 1
    response.end(SECRET)
  })
  await new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve))
  const address = inner.address()
  innerUrl = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  const made = await call('POST', '/api/2.0/mlflow/runs/create', { body: { experiment_id: '0' } })
  run = (made.json.run as { info: { run_id: string } }).info.run_id
  root = `0/${run}/artifacts`
  assert.equal((await call('PUT', `${PROXY}/${root}/model/MLmodel`, { body: 'flavors: {}' })).status, 200)
})
after(async () => {
  inner.close()
  await server.close()
  await rm(outside, { recursive: true, force: true })
})

/** Nothing outside was read, written, deleted or called, and nothing of the inside of this machine was told. */
async function unharmed(answer: Answer, what: string): Promise<void> {
  assert.doesNotMatch(answer.text, new RegExp(SECRET), what)
  assert.doesNotMatch(answer.text, /root:.*:0:0:/, what)
  assert.doesNotMatch(answer.text, new RegExp(server.dataDir), what)
  assert.doesNotMatch(answer.text, /\bat .*\.ts:\d+|\[SQL|select .* from /i, what)
  assert.equal(innerCalls, 0, `${what} made the server call another`)
  assert.deepEqual(await readdir(outside), ['secret.txt'], what)
  for (const folder of [outside, server.dataDir]) {
    assert.equal(await readFile(join(folder, 'secret.txt'), 'utf8'), SECRET, what)
  }
}

/** Paths that lead out of a folder in one reading or another, as they stand in a URL; some only where they begin the path. */
const CLIMBING: readonly [path: string, known: string, where?: 'at the beginning'][] = [
  ['../../../../../../etc/passwd', '2023-6975'],
  ['..%2f..%2f..%2f..%2fetc%2fpasswd', '2023-6015'],
  ['%2e%2e/%2e%2e/etc/passwd', '2023-6018'],
  ['..%252f..%252fetc%252fpasswd', '2024-1560, decoded twice'],
  ['%252e%252e%252f%252e%252e%252fetc/passwd', '2024-1560'],
  ['%25252e%25252e%25252fetc%25252fpasswd', 'decoded three times'],
  ['..%5c..%5cetc%5cpasswd', '2023-2780, backslash'],
  ['..%255c..%255cetc', 'backslash, decoded twice'],
  ['a/..%2f..%2f..%2fsecret.txt', 'from the middle'],
  ['%2fetc%2fpasswd', 'absolute', 'at the beginning'],
  ['%252fetc%252fpasswd', 'absolute, decoded twice', 'at the beginning'],
  ['file:%2f%2f%2fetc%2fpasswd', '2023-6977', 'at the beginning'],
  ['file:%2fetc%2fpasswd', '2024-3573', 'at the beginning'],
  ['C:%5cWindows%5cwin.ini', 'drive', 'at the beginning'],
  ['x;/..;/..;/etc/passwd', '2024-1593'],
  ['x%3b/../../../etc/passwd', '2024-1593, encoded'],
  ['a%23/../../../etc/passwd', '2024-1594'],
  ['secret.txt%00.png', 'NUL'],
  ['secret.txt%2500.png', 'NUL, decoded twice'],
  ['%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd', 'overlong UTF-8'],
  ['a%0d%0aset-cookie:x=1', 'line break'],
  ['%20../../secret.txt', 'a space before the dots'],
  ['http:%2f%2f127.0.0.1%2fx', 'address', 'at the beginning'],
]

test('no path of any encoding reads, writes or deletes outside of the tree, on any route', async () => {
  for (const [path, known, where] of CLIMBING) {
    const body = 'planted'
    const octets = { 'content-type': 'application/octet-stream' }
    const query = path.replaceAll('+', '%2b')
    const inQuery = (text: string) => decodeURIComponentOrSame(text)
    const attempts: [method: string, url: string, sent?: Sent][] = [
      ['GET', `${PROXY}/${path}`],
      ['HEAD', `${PROXY}/${path}`],
      ['PUT', `${PROXY}/${path}`, { body }],
      ['DELETE', `${PROXY}/${path}`],
      ['GET', `/ajax-api/2.0/mlflow-artifacts/artifacts/${path}`],
      ['GET', `${PROXY}?path=${query}`],
      ['GET', `/api/2.0/mlflow/artifacts/list?run_id=${run}&path=${query}`],
      ['GET', `/get-artifact?run_id=${run}&path=${query}`],
      ['GET', `/model-versions/get-artifact?name=m&version=1&path=${query}`],
      ['GET', `/ajax-api/2.0/mlflow/logged-models/m-1/artifacts/files?artifact_file_path=${query}`],
      ['GET', `/api/2.0/mlflow/logged-models/m-1/artifacts/directories?artifact_directory_path=${query}`],
      ['POST', `/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${run}&path=${query}`, { body, headers: octets }],
      ['POST', `/api/2.0/mlflow-artifacts/mpu/create/${path}`, { body: { path: 'f', num_parts: 1 } }],
      ['POST', `/api/2.0/mlflow-artifacts/mpu/complete/${path}`, { body: { path: 'f', upload_id: 'x', parts: [] } }],
      ['POST', `/api/2.0/mlflow-artifacts/mpu/abort/${path}`, { body: { path: 'f', upload_id: 'x' } }],
      ['GET', `/api/2.0/mlflow-artifacts/presigned/${path}`],
      ['POST', '/api/2.0/mlflow/artifacts/presigned-download-url', { body: { run_id: run, path: inQuery(path) } }],
      ['POST', '/api/2.0/mlflow/artifacts/presigned-upload-url', { body: { run_id: run, path: inQuery(path) } }],
    ]
    if (where !== 'at the beginning') {
      for (const method of ['GET', 'PUT', 'DELETE']) attempts.push([method, `${PROXY}/${root}/${path}`, { body }])
    }
    for (const [method, url, sent] of attempts) {
      const answer = await call(method, url, sent)
      const what = `${known}: ${method} ${url}`
      assert.ok(answer.status === 400 || answer.status === 404, `${what}: ${answer.status} ${answer.text}`)
      assert.equal(answer.headers['set-cookie'], undefined, what)
      await unharmed(answer, what)
    }
  }
  const { json } = await call('GET', `${PROXY}?path=0/${run}`)
  assert.deepEqual(json.files, [{ path: 'artifacts', is_dir: true }], 'and nothing was planted inside')
})

function decodeURIComponentOrSame(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

test('the name in an upload in parts is a name, not a path', async () => {
  for (const name of ['../../../secret.txt', '/etc/passwd', '..\\..\\secret.txt', '..', '.', '']) {
    const answer = await call('POST', `/api/2.0/mlflow-artifacts/mpu/create/${root}/up`, {
      body: { path: name, num_parts: 1 },
    })
    await unharmed(answer, name)
    if (answer.status !== 200) {
      assert.equal(answer.status, 400, name)
      continue
    }
    const { upload_id, credentials } = answer.json as { upload_id: string; credentials: { url: string }[] }
    const part = await call('PUT', new URL(String(credentials[0]?.url)).pathname, { body: 'planted' })
    const parts = [{ part_number: 1, etag: part.headers.etag }]
    const done = await call('POST', `/api/2.0/mlflow-artifacts/mpu/complete/${root}/up`, {
      body: { path: name, upload_id, parts },
    })
    await unharmed(done, name)
    const last = name.split(/[/\\]/).at(-1)
    assert.equal(
      (await call('GET', `${PROXY}/${root}/up/${last}`)).text,
      'planted',
      'it lies in the folder that was named',
    )
  }
})

test('a version is made of no file of this machine, of no other run, and of no address', async () => {
  const other = await call('POST', '/api/2.0/mlflow/runs/create', { body: { experiment_id: '0' } })
  const stranger = (other.json.run as { info: { run_id: string } }).info.run_id
  await call('PUT', `${PROXY}/0/${stranger}/artifacts/theirs.txt`, { body: SECRET })
  const sources: [source: string, known: string][] = [
    [outside, '2023-1177'],
    ['/etc', '2023-1177'],
    [`file://${outside}`, '2023-1177'],
    ['file://\\..\\..\\..', '2023-2780'],
    [`mlflow-artifacts://h/../../..${outside}`, '2023-2356'],
    [`${innerUrl}/api/2.0/mlflow-artifacts/artifacts/../..`, '2023-2356'],
    [`/${outside}`, '2023-6977'],
    [`file:${outside}`, '2024-3573'],
    [`file:///${outside}`, '2024-3573'],
    ['models:/x/../../..', '2024-1558'],
    ['models:/x/1/../../..', '2024-1558'],
    ['models:/x@a/../../..', '2024-1558'],
    ['mlflow-artifacts:/x;/../../..', '2024-1593'],
    [`mlflow-artifacts:/${root};/../../../..`, '2024-1593'],
    [`mlflow-artifacts:/${root}/../../../../..${outside}`, '2025-11201'],
    [`mlflow-artifacts:/${root}/%2e%2e/%2e%2e/${stranger}/artifacts`, '2025-11201, encoded'],
    [`mlflow-artifacts:/${root}/%252e%252e/%252e%252e/${stranger}`, '2026-2614, encoded twice'],
    [`mlflow-artifacts:/${root}#/../../..`, '2024-1594'],
    [`mlflow-artifacts:/${root}?x=/../../..`, '2024-1483'],
    [`mlflow-artifacts:/${root}\\..\\..`, 'backslash'],
    [`mlflow-artifacts:/${root}\u0000/../..`, 'NUL'],
    [`mlflow-artifacts:/0/${stranger}/artifacts`, "another run's"],
    [`mlflow-artifacts:/0`, "all runs'"],
    ['mlflow-artifacts:/', 'the root'],
    [`runs:/${stranger}/`, "another run's"],
    [`runs:/${run}/../../..`, 'climbing'],
    [`runs:/${run}/../${stranger}/artifacts`, 'climbing to another run'],
    [`runs:/${run}/%2e%2e/%2e%2e`, 'climbing, encoded'],
    ['s3://bucket/../../etc', 'object store, climbing'],
    ['s3://bucket/a#/../../etc', 'object store, fragment'],
    [`${innerUrl}/model`, 'SSRF'],
    [`ftp://127.0.0.1/x`, 'SSRF'],
    ['', 'nothing'],
  ]
  await call('POST', '/api/2.0/mlflow/registered-models/create', { body: { name: 'thief' } })
  for (const [source, known] of sources) {
    const body = { name: 'thief', source, run_id: run }
    const answer = await call('POST', '/api/2.0/mlflow/model-versions/create', { body })
    assert.equal(answer.status, 400, `${known}: ${source} ${answer.text}`)
    await unharmed(answer, source)
    const file = await call('GET', '/model-versions/get-artifact?name=thief&version=1&path=secret.txt')
    assert.equal(file.status, 404, source)
    await unharmed(file, source)
  }
})

test('where an experiment’s artifacts lie opens no file and calls no host, whether the place is refused or noted', async () => {
  const places: [place: string, taken: boolean, known: string][] = [
    ['http:///#/../../../etc', false, '2024-1594'],
    ['http:///?/../../../etc', false, '2024-1483'],
    [`file://${tmpdir()}/x#/../..`, false, '2024-3848'],
    [`mlflow-artifacts:/x#/../../..${outside}`, false, '2024-2928'],
    ['mlflow-artifacts:/x?a=/../../..', false, '2023-6909'],
    ['mlflow-artifacts:/x;a=/../../..', false, 'parameters'],
    ['mlflow-artifacts:/../..', false, 'climbing'],
    ['mlflow-artifacts:/%2e%2e/%2e%2e', false, 'climbing, encoded'],
    ['mlflow-artifacts:/%252e%252e', false, 'climbing, encoded twice'],
    ['mlflow-artifacts:/0', false, 'the folder of another experiment'],
    [`mlflow-artifacts:/${0}/x`, false, 'below the folder of another experiment'],
    ['mlflow-artifacts:/workspaces/other', false, 'another workspace'],
    [innerAddress, false, '2023-6974'],
    ['https://169.254.169.254/latest/meta-data', false, '2023-6974'],
    ['mlflow-artifacts://127.0.0.1:1/x', false, '2023-6974, by the proxy’s scheme'],
    ['ftp://127.0.0.1/x', false, 'SSRF'],
    ['hdfs://127.0.0.1:9000/x', false, 'SSRF'],
    [`${tmpdir()}/../etc`, false, 'absolute, climbing'],
    ['..\\..\\etc', false, 'backslash'],
    ['/etc\u0000x', false, 'NUL'],
    ['OUTSIDE', true, 'an absolute path'],
    ['file://OUTSIDE', true, 'a file address'],
    ['s3://bucket/x', true, 'an object store'],
  ]
  for (const [index, [place, taken, known]] of places.entries()) {
    const location = place.replace('OUTSIDE', outside).replace(innerAddress, `${innerUrl}/x`)
    const body = { name: `place ${index}`, artifact_location: location }
    const made = await call('POST', '/api/2.0/mlflow/experiments/create', { body })
    assert.equal(made.status, taken ? 200 : 400, `${known}: ${location} ${made.text}`)
    await unharmed(made, location)
    if (!taken) continue
    const created = await call('POST', '/api/2.0/mlflow/runs/create', {
      body: { experiment_id: made.json.experiment_id },
    })
    const { run_id: id } = (created.json.run as { info: { run_id: string } }).info
    // Laid where a server that opened the place would look for it.
    const folder = join(outside, id, 'artifacts')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'secret.txt'), SECRET)
    const octets = { 'content-type': 'application/octet-stream' }
    const answers = [
      await call('GET', `/api/2.0/mlflow/artifacts/list?run_id=${id}`),
      await call('GET', `/get-artifact?run_id=${id}&path=secret.txt`),
      await call('POST', `/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${id}&path=planted`, {
        body: 'x',
        headers: octets,
      }),
      await call('POST', '/api/2.0/mlflow/artifacts/presigned-download-url', {
        body: { run_id: id, path: 'secret.txt' },
      }),
    ]
    assert.equal(existsSync(join(folder, 'planted')), false, location)
    await rm(join(outside, id), { recursive: true })
    for (const answer of answers) {
      assert.equal(answer.status, 501, `${location}: ${answer.text}`)
      await unharmed(answer, location)
    }
  }
})
const innerAddress = 'INNER'

test('what somebody logged runs in no browser, whatever its name says it is', async () => {
  const page = '<script>fetch("/api/v1/info")</script>'
  for (const name of ['page.html', 'page.htm', 'picture.svg', 'page.xhtml', 'feed.xml', 'script.js', 'MLmodel', 'x']) {
    const headers = { 'content-type': 'text/html' }
    assert.equal((await call('PUT', `${PROXY}/${root}/web/${name}`, { body: page, headers })).status, 200)
    for (const url of [`${PROXY}/${root}/web/${name}`, `/get-artifact?run_id=${run}&path=web/${name}`]) {
      const { headers: got, status } = await call('GET', url)
      assert.equal(status, 200)
      assert.match(String(got['content-type']), /^(text\/plain|application\/octet-stream)(;|$)/, name)
      assert.match(String(got['content-disposition']), /^attachment; /, name)
      assert.equal(got['x-content-type-options'], 'nosniff')
      assert.equal(got['x-frame-options'], 'DENY')
      assert.match(String(got['content-security-policy']), /^sandbox; default-src 'none'$/)
    }
  }
})

test('names cannot write headers of the answer', async () => {
  for (const name of ['a".html', "a';b", 'a%0d%0ab', 'a\r\nset-cookie: x=1', 'ünïcode', '“quoted”']) {
    const path = `${PROXY}/${root}/names/${encodeURIComponent(name)}`
    const { status } = await call('PUT', path, { body: 'x' })
    if (status !== 200) {
      assert.equal(status, 400, name)
      continue
    }
    const { headers } = await call('GET', path)
    assert.match(
      String(headers['content-disposition']),
      /^attachment; filename="[^"\\]*"; filename\*=UTF-8''[\w!.~%-]+$/,
    )
    assert.equal(headers['set-cookie'], undefined)
  }
})

test('what a request says of itself is not said back as HTML', async () => {
  const evil = 'text/html<script>alert(1)</script>'
  const answers = [
    await call('POST', '/api/2.0/mlflow/runs/create', { body: '{}', headers: { 'content-type': evil } }),
    await call('POST', '/api/2.0/mlflow-artifacts/mpu/create/a', { body: '{}', headers: { 'content-type': evil } }),
    await call('GET', `${PROXY}/%3Cscript%3Ealert(1)%3C/script%3E`),
    await call('GET', `/get-artifact?run_id=%3Cscript%3Ealert(1)%3C/script%3E&path=a`),
  ]
  for (const { status, headers, text } of answers) {
    assert.ok(status === 400 || status === 404, text)
    assert.match(String(headers['content-type']), /^application\/json/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.doesNotMatch(text, /text\/html<script>/)
  }
})

test('requests that only cost are cheap: thousands of ranges, endless paths, numbers beyond bounds', async () => {
  const ranges = Array.from({ length: 3000 }, (_, index) => `${index}-${index}`).join(',')
  const whole = await call('GET', `${PROXY}/${root}/model/MLmodel`, {
    headers: { range: `bytes=${ranges}`.slice(0, 14_000) },
  })
  assert.deepEqual([whole.status, whole.text], [200, 'flavors: {}'])
  for (const path of ['a/'.repeat(2000), '%25'.repeat(3000), 'a'.repeat(1025)]) {
    const { status } = await call('PUT', `${PROXY}/${path}`, { body: 'x' })
    assert.ok([400, 404, 414].includes(status), `${path.slice(0, 20)}: ${status}`)
  }
  for (const num_parts of [0, -1, 10_001, 1e9]) {
    const { status } = await call('POST', '/api/2.0/mlflow-artifacts/mpu/create/a', { body: { path: 'f', num_parts } })
    assert.equal(status, 400, String(num_parts))
  }
})

test('names that mean something to JavaScript are names', async () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const path = `${root}/odd/${name}/${name}`
    assert.equal((await call('PUT', `${PROXY}/${path}`, { body: name })).status, 200)
    assert.equal((await call('GET', `${PROXY}/${path}`)).text, name)
  }
})
