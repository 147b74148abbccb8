import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { parsePipConfig, pipSettings, uvVariables } from './pip-settings.ts'
import { fetchDistribution } from './simple-index.ts'
import { fileOfWheel } from './wheel.ts'

test('pip’s files are read as pip reads them: sections, underscores, values that go on, comments', () => {
  const text =
    '# a comment\n[global]\nindex_url = https://one.example/simple\nextra-index-url =\n    https://two.example/simple\n    https://three.example/simple\n; another\n[install]\nno-index: true\n'
  assert.deepEqual(Object.fromEntries(parsePipConfig(text)), {
    'global.index-url': 'https://one.example/simple',
    'global.extra-index-url': '\nhttps://two.example/simple\nhttps://three.example/simple',
    'install.no-index': 'true',
  })
})

test('uv is told what pip would use, environment before file, and what is said to uv itself wins', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pip-'))
  try {
    const file = join(folder, 'pip.conf')
    writeFileSync(
      file,
      '[global]\nindex-url = https://file.example/simple\nfind-links = /wheels /more\ncert = /ca.pem\n',
    )
    const env = {
      PIP_CONFIG_FILE: file,
      PIP_EXTRA_INDEX_URL: 'https://a.example https://b.example',
      UV_HTTP_TIMEOUT: '7',
    }
    const variables = uvVariables(pipSettings(env), env)
    assert.equal(variables.UV_DEFAULT_INDEX, 'https://file.example/simple')
    assert.equal(variables.UV_INDEX, 'https://a.example https://b.example')
    assert.equal(variables.UV_FIND_LINKS, '/wheels,/more')
    assert.equal(variables.SSL_CERT_FILE, '/ca.pem')
    assert.equal(variables.UV_HTTP_TIMEOUT, '7')
    assert.equal(
      pipSettings({ ...env, PIP_INDEX_URL: 'https://env.example/simple' }).index,
      'https://env.example/simple',
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

const HTML = '<html><a href="../../files/thing-1.whl#sha256=ab" data-requires-python="&gt;=3.8">thing-1.whl</a></html>'
const JSON_PAGE = JSON.stringify({ files: [{ filename: 'thing-1.whl', url: '/files/thing-1.whl' }] })

for (const [kind, type, page] of [
  ['HTML (PEP 503)', 'text/html', HTML],
  ['JSON (PEP 691)', 'application/vnd.pypi.simple.v1+json', JSON_PAGE],
] as const)
  test(`without pip, a file is found on an index page in ${kind}, behind a password and a redirect`, async () => {
    const server = createServer((request, response) => {
      const known = request.headers.authorization === `Basic ${Buffer.from('me:s cret').toString('base64')}`
      if (!known) response.writeHead(401).end()
      else if (request.url === '/simple/thing/') response.writeHead(302, { location: '/simple/real/' }).end()
      else if (request.url === '/simple/real/') response.writeHead(200, { 'content-type': type }).end(page)
      else if (request.url === '/files/thing-1.whl') response.writeHead(200).end('the wheel')
      else response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
      const settings = pipSettings({ PIP_CONFIG_FILE: '/dev/null', PIP_INDEX_URL: `http://me:s%20cret@${host}/simple` })
      assert.equal((await fetchDistribution('thing', 'thing-1.whl', settings)).toString(), 'the wheel')
      await assert.rejects(fetchDistribution('thing', 'other.whl', settings), (error: Error) => {
        assert.match(error.message, /has no other\.whl/)
        assert.doesNotMatch(error.message, /cret/)
        return true
      })
    } finally {
      server.close()
    }
  })

test('a file is unpacked from a wheel, compressed or stored, and what is not there is named', () => {
  const wheel = zip({ 'uv.data/scripts/uv': 'binary '.repeat(50), 'uv.dist-info/RECORD': 'record' })
  assert.equal(fileOfWheel(wheel, '.data/scripts/uv').toString(), 'binary '.repeat(50))
  assert.throws(() => fileOfWheel(wheel, 'scripts/uvx'), { code: 'WHEEL_UNREADABLE' })
  assert.throws(() => fileOfWheel(Buffer.from('no archive at all'), 'uv'), { code: 'WHEEL_UNREADABLE' })
})

/** The least that is a ZIP archive (APPNOTE.TXT 4.3); checksums are left out, which the reader does not look at. */
function zip(files: Record<string, string>): Buffer {
  const bodies: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const packed = deflateRawSync(text)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(name.length, 26)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50, 0)
    entry.writeUInt16LE(8, 10)
    entry.writeUInt32LE(packed.length, 20)
    entry.writeUInt16LE(name.length, 28)
    entry.writeUInt32LE(offset, 42)
    bodies.push(local, Buffer.from(name), packed)
    directory.push(entry, Buffer.from(name))
    offset += 30 + name.length + packed.length
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Object.keys(files).length, 10)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...bodies, ...directory, end])
}
