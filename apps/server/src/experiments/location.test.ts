import assert from 'node:assert/strict'
import { test } from 'node:test'
import { locationOf, ownFolder } from './location.ts'

test('places that a client reaches itself are noted as given; a relative path begins in the working folder', () => {
  const kept: [string, string][] = [
    ['s3://bucket/a/b', 's3://bucket/a/b'],
    ['gs://bucket', 'gs://bucket'],
    ['wasbs://c@account.blob.core.windows.net/x', 'wasbs://c@account.blob.core.windows.net/x'],
    ['dbfs:/a', 'dbfs:/a'],
    ['file:///mnt/share', 'file:///mnt/share'],
    ['/mnt/share', '/mnt/share'],
    ['my_location', '/srv/my_location'],
    ['./a/b', '/srv/a/b'],
    ['mlflow-artifacts:/team/a', 'mlflow-artifacts:/team/a'],
  ]
  for (const [given, location] of kept) assert.equal(locationOf(given, '/srv'), location)
})

test('addresses of hosts and paths that climb are refused, at any depth of encoding', () => {
  const refused = [
    'http:///#/../../../etc',
    'http://127.0.0.1:1/x',
    'HTTPS://169.254.169.254/latest',
    'ftp://h/a',
    'sftp://h/a',
    'hdfs://h/a',
    'abfss://f@a.dfs.core.windows.net/x',
    'mlflow-artifacts://h/x',
    'MLFLOW-ARTIFACTS:/x',
    'mlflow-artifacts:/../x',
    'mlflow-artifacts:/x?y=../..',
    'mlflow-artifacts:/x#/../../etc',
    'mlflow-artifacts:/x;/../../etc',
    'mlflow-artifacts:/%2e%2e/x',
    'mlflow-artifacts:/%252e%252e/x',
    'mlflow-artifacts:/0/runs',
    'mlflow-artifacts:/workspaces/other',
    'mlflow-artifacts:/',
    's3://b/../../x',
    's3://b/%2e%2e/x',
    's3://b/a?x=../../etc',
    's3://b/a#x',
    'file:///a/../../etc',
    'file:///a/%252e%252e/etc',
    '/a/../etc',
    '../etc',
    'a\\..\\b',
    'a\u0000b',
    'runs:/abc/model',
    `s3://${'b'.repeat(2048)}`,
  ]
  for (const given of refused) {
    assert.throws(() => locationOf(given, '/srv'), { code: 'INVALID_PARAMETER_VALUE' }, given)
  }
})

test('what lies elsewhere names no folder here', () => {
  assert.equal(ownFolder('mlflow-artifacts:/1/r/artifacts'), '1/r/artifacts')
  for (const uri of ['s3://b/1', 'file:///etc', '/etc', 'mlflow-artifacts://h/1']) {
    assert.throws(() => ownFolder(uri), { code: 'NOT_IMPLEMENTED' }, uri)
  }
})
