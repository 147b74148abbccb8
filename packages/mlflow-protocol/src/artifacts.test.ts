import assert from 'node:assert/strict'
import { test } from 'node:test'
import { artifactFolder, artifactPath, pathOfUri, selfAndAncestors } from './artifacts.ts'

test('paths that could climb out, at any depth of encoding, are refused', () => {
  const attacks = [
    '../etc/passwd',
    'a/../../etc',
    'a/..',
    '..',
    '/etc/passwd',
    '//etc/passwd',
    'a\\..\\b',
    '..%2f..%2fetc',
    '%2e%2e/etc',
    '%252e%252e%252fetc',
    '%25252e%25252e%25252fetc',
    '%2fetc/passwd',
    'a/%5c..%5cb',
    'a/..;/b',
    'x;/../../..',
    'a\u0000b',
    'a%00b',
    'a%2500b',
    'a\nb',
    'a#b',
    'a%23/../b',
    'C:/Windows',
    'c:x',
    'file:/etc/passwd',
    'file:///etc/passwd',
    'http://127.0.0.1/x',
    '%c0%ae%c0%ae/etc',
    '',
    '/',
    '.',
    './',
    'a'.repeat(1025),
  ]
  for (const path of attacks) assert.throws(() => artifactPath(path), { code: 'INVALID_PARAMETER_VALUE' }, path)
})

test('paths of real artifacts are kept, in one normal form', () => {
  const kept: [string, string][] = [
    ['0/abc/artifacts/model/MLmodel', '0/abc/artifacts/model/MLmodel'],
    ['a//b/./c/', 'a/b/c'],
    ['100% wool.png', '100% wool.png'],
    ['été/日本.txt', 'été/日本.txt'],
    ['a..b/...', 'a..b/...'],
    ['plots/epoch=1, val:loss.png', 'plots/epoch=1, val:loss.png'],
  ]
  for (const [path, normal] of kept) assert.equal(artifactPath(path), normal)
  assert.equal(artifactFolder(undefined), '')
  assert.equal(artifactFolder('a/'), 'a')
})

test('only addresses of the server itself name a path', () => {
  assert.equal(pathOfUri('mlflow-artifacts:/1/r/artifacts'), '1/r/artifacts')
  for (const other of ['mlflow-artifacts://host/1', 's3://b/k', 'file:///etc', '/etc', 'http://h/1', 'runs:/a/b']) {
    assert.equal(pathOfUri(other), null, other)
  }
  assert.throws(() => pathOfUri('mlflow-artifacts:/../..'))
  assert.deepEqual(selfAndAncestors('a/b/c'), ['a', 'a/b', 'a/b/c'])
})
