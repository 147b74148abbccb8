import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import type { FastifyRequest } from 'fastify'
import { endpoint } from '../fixtures.ts'
import type { LoadedVersion } from '../runtimes/models.ts'
import { knownTokens } from '../scoring/access.ts'
import { endpointKey, NOTHING, type ServedEndpoint, type Serving } from '../snapshot/serving.ts'
import { byPath, lookedAt, servedTo } from './named.ts'

const loaded = (version: string) => ({ version }) as LoadedVersion
const served = (workspace: string, name: string): ServedEndpoint => ({
  spec: { ...endpoint(name), workspace },
  champion: loaded('films/1'),
  tried: [loaded('films/11')],
})
const endpoints = new Map(
  [served('default', 'films'), served('default', 'ratings'), served('other', 'films')].map((each) => [
    endpointKey(each.spec.workspace, each.spec.name),
    each,
  ]),
)
const open: Serving = { ...NOTHING, version: 1, endpoints }
const expiresAt = '2999-01-01T00:00:00Z'
const closed: Serving = {
  ...open,
  tokens: knownTokens([{ hash: hash('sha256', 'one', 'hex'), workspace: 'default', endpoints: ['films'], expiresAt }]),
}
const asking = (params: object, headers: object = {}) => ({ params, headers }) as FastifyRequest
const one = { authorization: 'Bearer one' }

test('a path names an endpoint of the workspace, and a version by its whole number', () => {
  const { endpoint: found, version } = lookedAt(asking({ model: 'films' }), open)
  assert.deepEqual([found.spec.workspace, version], ['default', null])
  const other = lookedAt(asking({ model: 'films', version: '11' }, { 'x-mlflow-workspace': 'other' }), open)
  assert.deepEqual([other.endpoint.spec.workspace, other.version?.version], ['other', 'films/11'])
  for (const version of ['', '01', '2', 'films/1'])
    assert.throws(() => lookedAt(asking({ model: 'films', version }), open), { status: 404 }, version)
  assert.throws(() => lookedAt(asking({ model: 'none' }), open), { status: 404 })
})

test('with login nothing is told of an endpoint, nor is it listed, without a token that may ask it', () => {
  assert.throws(() => lookedAt(asking({ model: 'films' }), closed), { status: 401 })
  assert.throws(() => lookedAt(asking({ model: 'ratings' }, one), closed), { status: 403 })
  assert.equal(lookedAt(asking({ model: 'films' }, one), closed).endpoint.spec.name, 'films')
  assert.throws(() => servedTo(asking({}), closed), { status: 401 })
  assert.deepEqual(
    servedTo(asking({}, one), closed).map(({ spec }) => `${spec.workspace}/${spec.name}`),
    ['default/films'],
  )
  assert.equal(servedTo(asking({}), open).length, 2)
})

test('a prediction is looked up without its token: the exchange checks that, once', () => {
  assert.equal(byPath.find(asking({ model: 'films' }), closed).spec.name, 'films')
})
