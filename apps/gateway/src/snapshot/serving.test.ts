import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Variant } from '@tidemark/contracts'
import { endpoint, idleModel as model, snapshot, variant } from '../fixtures.ts'
import type { LoadedVersion } from '../runtimes/models.ts'
import { arrange, type Loaded, NOTHING } from './serving.ts'

const loadedVersions = new Map<string, LoadedVersion>()
const good = ({ version, runtime }: Variant): Loaded => {
  const known = loadedVersions.get(version) ?? { version, runtime, model }
  loadedVersions.set(version, known)
  return { kind: 'loaded', version: known }
}
const without =
  (version: string) =>
  (asked: Variant): Loaded =>
    asked.version === version ? { kind: 'failed', reason: 'broken' } : good(asked)
const shadow = endpoint('films', {
  kind: 'shadow',
  rollout: '00000000-0000-7000-8000-000000000001',
  stage: 0,
  candidate: variant('candidate', 'films/2'),
})

test('everything loaded is served as the snapshot says', () => {
  const serving = arrange(snapshot(3, [shadow, endpoint('other')]), NOTHING, good)
  assert.deepEqual([...serving.endpoints.keys()], ['default/films', 'default/other'])
  assert.equal(serving.endpoints.get('default/films')?.tried[0]?.version, 'films/2')
  assert.deepEqual([serving.version, serving.failed], [3, []])
})

test('a candidate that cannot be loaded leaves its endpoint to the champion and is named', () => {
  const serving = arrange(snapshot(3, [shadow]), NOTHING, without('films/2'))
  const films = serving.endpoints.get('default/films')
  assert.deepEqual([films?.champion.version, films?.tried.length], ['films/1', 0])
  assert.deepEqual(serving.failed, [{ workspace: 'default', endpoint: 'films', version: 'films/2', reason: 'broken' }])
})

test('a champion that cannot be loaded leaves the endpoint to the champion before it, alone', () => {
  const before = arrange(snapshot(3, [shadow]), NOTHING, good)
  const promoted = { ...endpoint('films'), champion: variant('candidate', 'films/5') }
  const serving = arrange(snapshot(4, [promoted]), before, without('films/5'))
  const films = serving.endpoints.get('default/films')
  assert.deepEqual([films?.champion.version, films?.tried.length, films?.spec.routing.kind], ['films/1', 0, 'single'])
  assert.equal(serving.failed[0]?.version, 'films/5')
})

test('a champion that cannot be loaded and has none before it leaves no endpoint, and the others are served', () => {
  const serving = arrange(
    snapshot(1, [endpoint('films'), { ...endpoint('other'), champion: variant('champion', 'other/1') }]),
    NOTHING,
    without('films/1'),
  )
  assert.deepEqual([...serving.endpoints.keys()], ['default/other'])
  assert.deepEqual([...serving.unavailable], ['default/films'])
})

test('an endpoint that the snapshot does not have is served no more', () => {
  const before = arrange(snapshot(3, [endpoint('films'), endpoint('gone')]), NOTHING, good)
  const serving = arrange(snapshot(4, [endpoint('films')]), before, good)
  assert.deepEqual([...serving.endpoints.keys()], ['default/films'])
})
