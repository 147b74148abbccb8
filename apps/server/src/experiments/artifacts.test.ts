import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readdir, readlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Actor } from '../platform/index.ts'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { callsTo } from './artifactCalls.ts'
import { createArtifacts } from './artifacts.ts'
import { createUploads } from './uploads.ts'

const PROXY = '/api/2.0/mlflow-artifacts'
let server: TestServer
let call: ReturnType<typeof callsTo>
before(async () => {
  server = await startTestServer()
  call = callsTo(server.url)
})
after(() => server.close())

async function newRun(): Promise<{ run: string; root: string }> {
  const { json } = await call('POST', '/api/2.0/mlflow/runs/create', { body: { experiment_id: '0' } })
  const run = (json.run as { info: { run_id: string } }).info.run_id
  return { run, root: `0/${run}/artifacts` }
}

const put = (path: string, body: string | Buffer) => call('PUT', `${PROXY}/artifacts/${path}`, { body })
const get = (path: string, headers: Record<string, string> = {}) =>
  call('GET', `${PROXY}/artifacts/${path}`, { headers })
const temporary = () => readdir(join(server.dataDir, 'blobs', 'tmp')).catch(() => [])

/** Registers what lies in a folder of a run, so that it never changes. */
async function register(name: string, run: string, folder: string): Promise<void> {
  await call('POST', '/api/2.0/mlflow/registered-models/create', { body: { name } })
  const body = { name, source: `runs:/${run}/${folder}`, run_id: run }
  const { status, text } = await call('POST', '/api/2.0/mlflow/model-versions/create', { body })
  assert.equal(status, 200, text)
}

test('a file is sent in part when a range is asked, as a whole when it changed, and not at all when it is known', async () => {
  const { run, root } = await newRun()
  assert.deepEqual([(await put(`${root}/a.txt`, 'hello world')).status], [200])
  const urls = [
    `${PROXY}/artifacts/${root}/a.txt`,
    `/ajax-api/2.0/mlflow-artifacts/artifacts/${root}/a.txt`,
    `/get-artifact?run_id=${run}&path=a.txt`,
  ]
  for (const url of urls) {
    const ask = (headers: Record<string, string> = {}, method = 'GET') => call(method, url, { headers })
    const whole = await ask()
    const etag = String(whole.headers.etag)
    assert.deepEqual(
      [whole.status, whole.text, whole.headers['accept-ranges'], whole.headers['content-length']],
      [200, 'hello world', 'bytes', '11'],
    )
    const part = await ask({ range: 'bytes=6-8' })
    assert.deepEqual(
      [part.status, part.text, part.headers['content-range'], part.headers['content-length']],
      [206, 'wor', 'bytes 6-8/11', '3'],
    )
    assert.equal((await ask({ range: 'bytes=-5' })).text, 'world')
    const beyond = await ask({ range: 'bytes=11-' })
    assert.deepEqual([beyond.status, beyond.text, beyond.headers['content-range']], [416, '', 'bytes */11'])
    assert.equal((await ask({ range: 'bytes=0-1', 'if-range': etag })).status, 206)
    assert.equal((await ask({ range: 'bytes=0-1', 'if-range': '"another"' })).text, 'hello world')
    const known = await ask({ 'if-none-match': `"another", W/${etag}` })
    assert.deepEqual([known.status, known.text, known.headers.etag], [304, '', etag])
    const head = await ask({}, 'HEAD')
    assert.deepEqual([head.status, head.text, head.headers['content-length'], head.headers.etag], [200, '', '11', etag])
  }
})

test('an empty file, a folder, a missing file and an upload without a name are told apart', async () => {
  const { root } = await newRun()
  assert.equal((await put(`${root}/empty`, '')).status, 200)
  assert.deepEqual([(await get(`${root}/empty`)).status, (await get(`${root}/empty`)).text], [200, ''])
  await put(`${root}/d/a.txt`, 'x')
  assert.match((await get(`${root}/d`)).text, /refers to a directory, not a file/)
  assert.equal((await get(`${root}/nope`)).status, 404)
  assert.equal((await put(`${root}/d/`, 'x')).status, 400)
  const { json } = await call('GET', `${PROXY}/artifacts?path=${root}`)
  assert.deepEqual(json.files, [
    { path: 'd', is_dir: true },
    { path: 'empty', is_dir: false },
  ])
})

test('MLflow’s page uploads up to ten megabytes', async () => {
  const { run, root } = await newRun()
  const upload = (query: string, body: string | Buffer, type = 'application/octet-stream') =>
    call('POST', `/ajax-api/2.0/mlflow/upload-artifact?${query}`, { body, headers: { 'content-type': type } })
  assert.equal((await upload(`run_uuid=${run}&path=charts/a.png`, 'png')).status, 200)
  assert.equal((await get(`${root}/charts/a.png`)).text, 'png')
  const refused: [query: string, body: string | Buffer, message: RegExp, type?: string][] = [
    ['path=a', 'x', /^Request must specify run_uuid\.$/],
    [`run_uuid=${run}`, 'x', /^Request must specify path\.$/],
    [`run_uuid=${run}&path=a`, '', /^Request must specify data\.$/],
    [`run_uuid=${run}&path=a`, 'x=y', /^Request must specify data\.$/, 'application/x-www-form-urlencoded'],
    [`run_uuid=${run}&path=../a`, 'x', /^Invalid path$/],
    [`run_uuid=${run}&path=a`, Buffer.alloc(10 * 1024 * 1024 + 1), /^Artifact size is too large\. Max size is 10MB\.$/],
    ['run_uuid=nope&path=a', 'x', /^Run with id=nope not found$/],
  ]
  for (const [query, body, message, type] of refused) {
    const { json } = await upload(query, body, type)
    assert.match(String(json.message), message)
  }
  const chunked = await fetch(`${server.url}/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${run}&path=b`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: new Blob([Buffer.alloc(11 * 1024 * 1024)]).stream(),
    duplex: 'half',
  } as RequestInit)
  assert.match(await chunked.text(), /Artifact size is too large/)
  assert.equal((await get(`${root}/b`)).status, 404)
})

/** Begins an upload in parts, as MLflow's client does. */
async function begin(root: string, name: string, parts: number) {
  const { json, status, text } = await call('POST', `${PROXY}/mpu/create/${root}`, {
    body: { path: name, num_parts: parts },
  })
  assert.equal(status, 200, text)
  return json as unknown as {
    upload_id: string
    credentials: { url: string; part_number: number; headers: Record<string, string> }[]
  }
}

const sendPart = (url: string, body: string) => call('PUT', new URL(url).pathname, { body })
const complete = (root: string, name: string, id: string, parts: object[]) =>
  call('POST', `${PROXY}/mpu/complete/${root}`, { body: { path: name, upload_id: id, parts } })

test('a file that comes in parts, in any order, has a name only when it is complete', async () => {
  const { root } = await newRun()
  const upload = await begin(root, '/home/someone/big.bin', 3)
  assert.deepEqual(
    upload.credentials.map(({ part_number }) => part_number),
    [1, 2, 3],
  )
  const [first, second, third] = upload.credentials
  assert.ok(first && second && third)
  const etags = new Map<number, unknown>()
  for (const [{ url, part_number }, body] of [
    [third, 'three'],
    [first, 'wrong'],
    [first, 'one'],
    [second, 'two'],
  ] as const) {
    const { status, headers } = await sendPart(url, body)
    assert.equal(status, 200)
    etags.set(part_number, headers.etag)
  }
  assert.equal((await sendPart(first.url.replace(/1$/, '4'), 'x')).status, 400)
  assert.equal((await get(`${root}/big.bin`)).status, 404)
  const parts = upload.credentials.map(({ part_number, url }) => ({ part_number, etag: etags.get(part_number), url }))
  assert.equal((await complete(root, 'big.bin', upload.upload_id, parts.slice(1))).status, 400)
  assert.equal(
    (await complete(root, 'big.bin', upload.upload_id, [{ ...parts[0], etag: '"x"' }, ...parts.slice(1)])).status,
    400,
  )
  assert.equal((await complete(root, 'other.bin', upload.upload_id, parts)).status, 404, 'only the file it began with')
  assert.equal((await complete(root, 'big.bin', upload.upload_id, parts)).status, 200)
  assert.equal((await get(`${root}/big.bin`)).text, 'onetwothree')
  assert.equal((await complete(root, 'big.bin', upload.upload_id, parts)).status, 404, 'it is over')
  assert.deepEqual(await temporary(), [])
})

test('an upload in parts that is given up leaves nothing', async () => {
  const { root } = await newRun()
  const upload = await begin(root, 'a.bin', 2)
  const [first] = upload.credentials
  assert.ok(first)
  assert.equal((await sendPart(first.url, 'one')).status, 200)
  assert.equal((await temporary()).length, 1)
  const abort = () =>
    call('POST', `${PROXY}/mpu/abort/${root}`, { body: { path: 'a.bin', upload_id: upload.upload_id } })
  assert.deepEqual([(await abort()).status, (await abort()).status], [200, 404])
  assert.equal((await sendPart(first.url, 'late')).status, 404)
  assert.deepEqual(await temporary(), [])
})

test('an upload in parts is its owner’s alone, in its workspace', async () => {
  const artifacts = createArtifacts(server.platform)
  const uploads = createUploads(server.platform, artifacts)
  const person = (id: string, workspace: string) =>
    new Actor({ kind: 'person', id, workspace, permissions: ['experiments.read', 'experiments.write'] })
  const owner = person('a', 'one')
  const id = await uploads.create(owner, 'x', 'f', 1)
  for (const stranger of [person('b', 'one'), person('a', 'two')]) {
    await assert.rejects(uploads.takePart(stranger, id, 1, Buffer.from('evil')), { code: 'RESOURCE_DOES_NOT_EXIST' })
    await assert.rejects(uploads.complete(stranger, 'x', 'f', id, []), { code: 'RESOURCE_DOES_NOT_EXIST' })
    await assert.rejects(uploads.abort(stranger, 'x', 'f', id), { code: 'RESOURCE_DOES_NOT_EXIST' })
  }
  const tag = await uploads.takePart(owner, id, 1, Buffer.from('mine'))
  const reader = new Actor({ kind: 'person', id: 'a', workspace: 'one', permissions: ['experiments.read'] })
  await assert.rejects(uploads.create(reader, 'x', 'g', 1), { code: 'PERMISSION_DENIED' })
  await assert.rejects(uploads.takePart(reader, id, 1, Buffer.from('x')), { code: 'PERMISSION_DENIED' })
  assert.equal((await uploads.complete(owner, 'x', 'f', id, [{ number: 1, tag }])).bytes, 4)
})

test('the client shows with each part what it showed at the beginning', async () => {
  const { root } = await newRun()
  const { json } = await call('POST', `${PROXY}/mpu/create/${root}`, {
    body: { path: 'a', num_parts: 1 },
    headers: { 'x-mlflow-workspace': 'default', 'x-forwarded-proto': 'https' },
  })
  const [credential] = json.credentials as { url: string; headers: object }[]
  assert.deepEqual(credential?.headers, { 'x-mlflow-workspace': 'default' })
  assert.match(String(credential?.url), /^https:\/\/127\.0\.0\.1:\d+\/api\//)
})

test('files of a registered version are refused on every way of writing and deleting, and stay what they were', async () => {
  const { run, root } = await newRun()
  await put(`${root}/model/MLmodel`, 'flavors: {}')
  await put(`${root}/model/weights`, 'weights')
  const { upload_id: id, credentials } = await begin(`${root}/model`, 'weights', 1)
  const etag = (await sendPart(String(credentials[0]?.url), 'other')).headers.etag
  await register('frozen', run, 'model')

  const ways: [name: string, answer: Promise<{ status: number; text: string }>][] = [
    ['PUT over a file', put(`${root}/model/weights`, 'other')],
    ['PUT of a new file', put(`${root}/model/new`, 'other')],
    ['PUT in the place of the folder', put(`${root}/model`, 'other')],
    [
      'PUT under the page’s prefix',
      call('PUT', `/ajax-api/2.0/mlflow-artifacts/artifacts/${root}/model/weights`, { body: 'x' }),
    ],
    [
      'upload of MLflow’s page',
      call('POST', `/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${run}&path=model/weights`, {
        body: 'other',
        headers: { 'content-type': 'application/octet-stream' },
      }),
    ],
    [
      'the beginning of an upload in parts',
      call('POST', `${PROXY}/mpu/create/${root}/model`, { body: { path: 'weights', num_parts: 1 } }),
    ],
    ['the end of one that began before', complete(`${root}/model`, 'weights', id, [{ part_number: 1, etag }])],
    ['DELETE of a file', call('DELETE', `${PROXY}/artifacts/${root}/model/weights`)],
    ['DELETE of the folder', call('DELETE', `${PROXY}/artifacts/${root}/model`)],
    ['DELETE of the run’s folder', call('DELETE', `${PROXY}/artifacts/${root}`)],
    ['DELETE of the experiment’s folder', call('DELETE', `${PROXY}/artifacts/0`)],
    ['DELETE with another form of the path', call('DELETE', `${PROXY}/artifacts/${root}//model/./weights`)],
  ]
  for (const [name, answer] of ways) {
    const { status, text } = await answer
    assert.equal(status, 409, `${name}: ${text}`)
    assert.match(text, /"error_code":"RESOURCE_CONFLICT".*belongs to frozen\/1/, name)
  }
  await call('POST', `${PROXY}/mpu/abort/${root}/model`, { body: { path: 'weights', upload_id: id } })
  assert.equal((await get(`${root}/model/weights`)).text, 'weights')
  assert.equal((await call('GET', '/model-versions/get-artifact?name=frozen&version=1&path=weights')).text, 'weights')
  assert.equal((await put(`${root}/model-other/weights`, 'free')).status, 200)
})

test('an upload that breaks off leaves nothing to be seen, and no file', async () => {
  const { root } = await newRun()
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(
    `PUT ${PROXY}/artifacts/${root}/half.bin HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: 1000000\r\n\r\n`,
  )
  socket.write(Buffer.alloc(300_000, 1))
  for (let tries = 0; tries < 100 && (await temporary()).length === 0; tries++) await sleep(20)
  assert.equal((await temporary()).length, 1, 'it had begun')
  socket.destroy()
  for (let tries = 0; tries < 100 && (await temporary()).length > 0; tries++) await sleep(20)
  assert.deepEqual(await temporary(), [])
  assert.equal((await get(`${root}/half.bin`)).status, 404)
})

test('a download that is broken off closes its file, and a slow reader gets every byte', async () => {
  const { root } = await newRun()
  const bytes = randomBytes(24 * 1024 * 1024)
  assert.equal((await put(`${root}/large.bin`, bytes)).status, 200)
  const openBlobs = async () => {
    const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''))
    return (await Promise.all(links)).filter((path) => path.startsWith(join(server.dataDir, 'blobs'))).length
  }
  const begun = await fetch(`${server.url}${PROXY}/artifacts/${root}/large.bin`)
  const reader = begun.body?.getReader()
  await reader?.read()
  assert.equal(await openBlobs(), 1)
  await reader?.cancel()
  for (let tries = 0; tries < 100 && (await openBlobs()) > 0; tries++) await sleep(20)
  assert.equal(await openBlobs(), 0)

  const slow = await fetch(`${server.url}${PROXY}/artifacts/${root}/large.bin`)
  const hash = createHash('sha256')
  let pieces = 0
  for await (const piece of slow.body ?? []) {
    hash.update(piece)
    pieces += 1
    if (pieces % 20 === 0) await sleep(5)
  }
  assert.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'))
})

test('a full disk is a clear error that no client repeats, and leaves nothing', async () => {
  const { root } = await newRun()
  // Files of this process may not grow beyond 1 MiB: the kernel refuses in the same place where a full disk would.
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`])
  limit('1048576')
  try {
    const { status, json } = await put(`${root}/large.bin`, Buffer.alloc(3 * 1024 * 1024, 1))
    assert.deepEqual([status, json.error_code], [507, 'RESOURCE_EXHAUSTED'])
    assert.match(String(json.message), /disk .* is full/)
    const { credentials } = await begin(root, 'parts.bin', 1)
    const part = await call('PUT', new URL(String(credentials[0]?.url)).pathname, {
      body: Buffer.alloc(3 * 1024 * 1024),
    })
    assert.equal(part.status, 507)
  } finally {
    limit('unlimited')
  }
  assert.deepEqual(await temporary(), [])
  assert.equal((await get(`${root}/large.bin`)).status, 404)
  assert.equal((await put(`${root}/large.bin`, Buffer.alloc(3 * 1024 * 1024, 1))).status, 200)
})

test('artifacts that lie elsewhere are the client’s business: the server notes the place and opens nothing', async () => {
  const { json } = await call('POST', '/api/2.0/mlflow/experiments/create', {
    body: { name: 'far', artifact_location: 's3://bucket/far/' },
  })
  const made = await call('POST', '/api/2.0/mlflow/runs/create', { body: { experiment_id: json.experiment_id } })
  const { run_id: run, artifact_uri: uri } = (made.json.run as { info: { run_id: string; artifact_uri: string } }).info
  assert.equal(uri, `s3://bucket/far/${run}/artifacts`)
  for (const url of [`/api/2.0/mlflow/artifacts/list?run_id=${run}`, `/get-artifact?run_id=${run}&path=a`]) {
    const answer = await call('GET', url)
    assert.deepEqual([answer.status, answer.json.error_code], [501, 'NOT_IMPLEMENTED'])
  }
  await call('POST', '/api/2.0/mlflow/registered-models/create', { body: { name: 'far' } })
  const body = { name: 'far', source: `runs:/${run}/model`, run_id: run }
  assert.equal((await call('POST', '/api/2.0/mlflow/model-versions/create', { body })).status, 200)
  const found = await call('GET', '/api/2.0/mlflow/model-versions/get-download-uri?name=far&version=1')
  assert.equal(found.json.artifact_uri, `s3://bucket/far/${run}/artifacts/model`)
})
