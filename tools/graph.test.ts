import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cycleOf, impureRules, type Module, partsOf } from './graph.ts'
import { moduleMap } from './module-map.ts'

function module(source: string, ...imports: readonly (string | { type: string })[]): Module {
  return {
    source,
    dependencies: imports.map((to) =>
      typeof to === 'string'
        ? { resolved: to, dependencyTypes: ['local', 'import'] }
        : { resolved: to.type, dependencyTypes: ['local', 'type-only', 'import'] },
    ),
  }
}

test('a rule that loads a store through another file is found, with the file between', () => {
  const modules = [
    module('apps/server/src/data/decide.ts', 'apps/server/src/data/cast.ts'),
    module('apps/server/src/data/cast.ts', 'apps/server/src/data/store.ts'),
    module('apps/server/src/data/store.ts', 'node_modules/kysely/index.d.ts', 'fs'),
  ]
  assert.deepEqual(
    impureRules(modules).map(({ to }) => to),
    ['apps/server/src/data/store.ts → node_modules/kysely/index.d.ts', 'apps/server/src/data/store.ts → fs'],
  )
})

test('a rule may load pure files and schemas, and take types from anywhere', () => {
  const modules = [
    module('apps/server/src/data/decide.ts', 'packages/contracts/src/data.ts', {
      type: 'apps/server/src/data/store.ts',
    }),
    module('packages/contracts/src/data.ts', 'node_modules/zod/index.d.cts'),
    module('apps/server/src/data/store.ts', 'node_modules/kysely/index.d.ts'),
  ]
  assert.deepEqual(impureRules(modules), [])
})

test('parts are folders, the server by its modules, without what only tests import', () => {
  const parts = partsOf([
    module('apps/server/src/server.ts', 'apps/server/src/data/index.ts'),
    module('apps/server/src/data/index.ts', { type: 'packages/contracts/src/index.ts' }, 'node:fs'),
    module('apps/server/src/data/service.test.ts', 'apps/server/src/server.ts'),
    module('packages/contracts/src/index.ts'),
  ])
  assert.deepEqual(
    [...parts],
    [
      ['contracts', []],
      ['server', ['server/data']],
      ['server/data', ['contracts']],
    ],
  )
  assert.equal(cycleOf(parts), null)
})

test('modules that import each other in a circle get no map, and the circle is named', () => {
  const circle = new Map([
    ['cli', ['data']],
    ['data', ['pipelines']],
    ['pipelines', ['data']],
  ])
  assert.deepEqual(cycleOf(circle), ['data', 'pipelines', 'data'])
  assert.throws(() => moduleMap(circle), /data → pipelines → data/)
})

test('the drawing leaves out what a longer way implies, the table does not', () => {
  const page = moduleMap(
    new Map([
      ['cli', ['contracts', 'workers']],
      ['contracts', []],
      ['workers', ['contracts']],
    ]),
  )
  assert.match(page, /cli --> workers\n/)
  assert.doesNotMatch(page, /cli --> contracts/)
  assert.match(page, /\| cli \| contracts, workers \|/)
})
