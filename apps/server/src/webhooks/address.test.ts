import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AddressRules, addressesOf, checkUrl, isLoopback, isPublic, readUrl } from './address.ts'

/** A resolver that knows these names; a fake, because no test may depend on a name server. */
function rules(names: Readonly<Record<string, readonly string[]>>, loopback = false): AddressRules {
  return {
    loopback,
    resolve: async (name) => {
      const found = names[name]
      if (!found) throw new Error('getaddrinfo ENOTFOUND')
      return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    },
  }
}

const NAMES = rules({
  'hooks.example.com': ['93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946'],
  localhost: ['127.0.0.1'],
  'inside.example.com': ['10.1.2.3'],
  'both.example.com': ['93.184.216.34', '169.254.169.254'],
  'six.example.com': ['::ffff:10.0.0.1'],
  'metadata.google.internal': ['169.254.169.254'],
})

test('only addresses of the public internet are public', () => {
  const refused = [
    ...[
      '0.0.0.0',
      '10.0.0.1',
      '100.64.0.1',
      '127.0.0.1',
      '127.8.8.8',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
    ],
    ...[
      '192.0.0.1',
      '192.0.2.1',
      '192.168.1.1',
      '198.18.0.1',
      '198.51.100.1',
      '203.0.113.1',
      '224.0.0.1',
      '255.255.255.255',
    ],
    ...['::', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::127.0.0.1', '64:ff9b::a00:1', '64:ff9b::169.254.169.254'],
    ...[
      '64:ff9b:1::1',
      'fe80::1',
      'fe80::1%eth0',
      'fc00::1',
      'fd12:3456::1',
      'ff02::1',
      '2001:db8::1',
      '2001::1',
      '2002:7f00:1::',
    ],
    ...['100::1', '3fff::1', 'fec0::1', '', 'x'],
  ]
  for (const address of refused) assert.equal(isPublic(address), false, address)
  const allowed = [
    ...['8.8.8.8', '93.184.216.34', '172.32.0.1', '100.128.0.1', '2606:2800:220:1:248:1893:25c8:1946', '2a00:1450::1'],
    ...['::ffff:8.8.8.8', '64:ff9b::808:808'],
  ]
  for (const address of allowed) assert.equal(isPublic(address), true, address)
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1']) {
    assert.equal(isLoopback(address), true, address)
  }
  for (const address of ['128.0.0.1', '::2', '::ffff:10.0.0.1', '10.127.0.1']) assert.equal(isLoopback(address), false)
})

test('a URL that leads into the network of the server is refused, in each of its spellings', async () => {
  const attacks = [
    ...[
      'http://hooks.example.com/',
      'ftp://hooks.example.com/',
      'file:///etc/passwd',
      'gopher://hooks.example.com',
      '//hooks.example.com',
    ],
    ...['https://127.0.0.1/', 'https://127.0.0.1:8080/', 'https://localhost/', 'https://LOCALHOST/', 'https://[::1]/'],
    ...['https://[::ffff:127.0.0.1]/', 'https://[::ffff:7f00:1]/', 'https://[0:0:0:0:0:ffff:169.254.169.254]/'],
    ...[
      'https://2130706433/',
      'https://0x7f000001/',
      'https://0177.0.0.1/',
      'https://127.1/',
      'https://0/',
      'https://134744072/',
    ],
    ...[
      'https://169.254.169.254/latest/meta-data',
      'https://10.0.0.1/',
      'https://192.168.0.1/',
      'https://[fd00::1]/',
      'https://[fe80::1]/',
    ],
    ...[
      'https://inside.example.com/',
      'https://both.example.com/',
      'https://six.example.com/',
      'https://metadata.google.internal/',
    ],
    ...[
      'https://unknown.example.com/',
      'https://hooks.example.com\\@127.0.0.1/',
      'https://hooks.example.com\\.evil/',
      'https:127.0.0.1',
    ],
    ...[
      'https://',
      'https:///path',
      'https://?x',
      ' ',
      '',
      'https://hooks.example.com/\r\nHost: x',
      'https://ho oks/',
      'https://[::1',
    ],
    ...['https://hooks.example.com:99999/', 'https://１２７.0.0.1/'],
  ]
  for (const url of attacks) {
    await assert.rejects(checkUrl(url, NAMES), { code: 'INVALID_PARAMETER_VALUE' }, url)
  }
  for (const url of [
    'https://hooks.example.com/x?y=1',
    'https://user:secret@hooks.example.com:8443/',
    'https://8.8.8.8/',
  ]) {
    assert.ok(await checkUrl(url, NAMES), url)
  }
})

test('for tests, this machine may be called, and nothing else that is not public', async () => {
  const local = rules(
    { localhost: ['::1', '127.0.0.1'], 'hooks.example.com': ['93.184.216.34'], inside: ['10.0.0.1'] },
    true,
  )
  for (const url of [
    'http://localhost:1/x',
    'http://127.0.0.1:1/',
    'http://[::1]:1/',
    'https://localhost/',
    'https://hooks.example.com/',
  ]) {
    assert.ok(await checkUrl(url, local), url)
  }
  // No name server here: what a name means is checked when it is called.
  assert.ok(await checkUrl('https://nowhere.example.com/', local))
  for (const url of [
    'http://10.0.0.1/',
    'https://10.0.0.1/',
    'http://hooks.example.com/',
    'https://inside/',
    'https://169.254.169.254/',
  ]) {
    await assert.rejects(checkUrl(url, local), { code: 'INVALID_PARAMETER_VALUE' }, url)
  }
})

test('a name is asked once, and what it gave is what may be connected to', async () => {
  let asked = 0
  const lying: AddressRules = {
    loopback: false,
    resolve: async () => [{ address: asked++ === 0 ? '93.184.216.34' : '127.0.0.1', family: 4 }],
  }
  const url = readUrl('https://rebind.example.com/', lying)
  assert.deepEqual(await addressesOf(url, lying), [{ address: '93.184.216.34', family: 4 }])
  assert.equal(asked, 1)
  await assert.rejects(addressesOf(url, lying), /resolves to 127\.0\.0\.1/)
})
