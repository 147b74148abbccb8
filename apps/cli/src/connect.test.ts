import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { connect, fileBody, saveReply } from './connect.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-connect-'))
const server = createServer(async (request, response) => {
  const body = await text(request)
  if (request.url === '/refused') {
    const error = { code: 'NOPE', message: 'Line 3 is wrong.', requestId: 'r', details: [] }
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
  } else if (request.url === '/page') response.writeHead(502).end('<html>no</html>')
  else response.end(`${request.headers['content-type']} ${body}`)
})
let url: string
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

test('a file is sent and an answer saved as they are', async () => {
  const file = join(folder, 'labels.csv')
  writeFileSync(file, 'entity,value\na,1\n')
  const init = { method: 'POST', headers: { 'content-type': 'text/csv' }, body: await fileBody(file) }
  await saveReply(await connect(url).raw('/', init), join(folder, 'out'))
  assert.equal(readFileSync(join(folder, 'out'), 'utf8'), 'text/csv entity,value\na,1\n')
  await assert.rejects(fileBody(join(folder, 'none')), {
    code: 'FILE_UNREADABLE',
    message: /none cannot be read: ENOENT/,
  })
})

test('what refuses a file is told in the words of the platform, also when they are no JSON', async () => {
  await assert.rejects(connect(url).raw('/refused'), { code: 'NOPE', message: 'Line 3 is wrong.' })
  await assert.rejects(connect(url).raw('/page'), /answered 502: <html>no/)
  await assert.rejects(connect('http://127.0.0.1:9').raw('/'), { code: 'NO_PLATFORM' })
})
