import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clause } from './clauses.ts'
import { RUNS } from './dialects.ts'
import { parseFilter } from './filter.ts'
import { parseOrderBy } from './orderBy.ts'

const number = (of: 'metric' | 'attribute', key: string, operator: '=' | '<' | '>=' | '>', value: number): Clause => ({
  kind: 'number',
  of,
  key,
  operator,
  value,
})
const text = (
  of: 'parameter' | 'tag' | 'attribute' | 'dataset',
  key: string,
  operator: '=' | '!=' | 'LIKE' | 'ILIKE',
  value: string,
): Clause => ({
  kind: 'text',
  of,
  key,
  operator,
  value,
})

test('filters that MLflow understands are read as it reads them', () => {
  const cases: [string, Clause[]][] = [
    ['', []],
    ['metrics.rmse < 1.2', [number('metric', 'rmse', '<', 1.2)]],
    [
      'metric.rmse>=-1e-3 and start_time > 5',
      [number('metric', 'rmse', '>=', -0.001), number('attribute', 'start_time', '>', 5)],
    ],
    ['metrics.`val loss` = 1', [number('metric', 'val loss', '=', 1)]],
    ['params."a b" = "x"', [text('parameter', 'a b', '=', 'x')]],
    ["tags.mlflow.runName LIKE 'a%'", [text('tag', 'mlflow.runName', 'LIKE', 'a%')]],
    ["attributes.`Run name` ilike 'A%'", [text('attribute', 'run_name', 'ILIKE', 'A%')]],
    ["run.status != 'FAILED'", [text('attribute', 'status', '!=', 'FAILED')]],
    ["dataset.name = 'films'", [text('dataset', 'name', '=', 'films')]],
    ['run_id IN (\'a\', "b")', [{ kind: 'list', of: 'attribute', key: 'run_id', operator: 'IN', values: ['a', 'b'] }]],
    ["run_id NOT IN ('a')", [{ kind: 'list', of: 'attribute', key: 'run_id', operator: 'NOT IN', values: ['a'] }]],
    ['tags.a IS NULL', [{ kind: 'presence', of: 'tag', key: 'a', present: false }]],
    ['params.a is not null', [{ kind: 'presence', of: 'parameter', key: 'a', present: true }]],
    ["params.q = 'it; drop table run --'", [text('parameter', 'q', '=', 'it; drop table run --')]],
    // A quote that is doubled does not end the text, and stays doubled.
    ["params.q = 'it''s' and params.r = ''", [text('parameter', 'q', '=', "it''s"), text('parameter', 'r', '=', '')]],
    // AND may be left out or doubled, as in MLflow.
    ['metrics.a > 1 metrics.b > 2 AND', [number('metric', 'a', '>', 1), number('metric', 'b', '>', 2)]],
  ]
  for (const [filter, expected] of cases) assert.deepEqual(parseFilter(filter, RUNS), expected, filter)
})

test('what MLflow refuses is refused with INVALID_PARAMETER_VALUE', () => {
  const refused: [string, RegExp][] = [
    ['metrics.a > 1 OR metrics.b > 1', /^Invalid clause\(s\) in filter string: 'OR'/],
    ["metrics.a > '1'", /Expected numeric value type for metric\. Found '1'/],
    ['metrics.a LIKE 1', /Invalid comparator 'LIKE'/],
    ['params.a = 1', /Expected a quoted string value for parameter/],
    ["params.a > '1'", /Invalid comparator '>'/],
    ["nothing.a = '1'", /Invalid entity type 'nothing'/],
    ["attributes.nothing = '1'", /Invalid attribute key 'nothing'/],
    ["constructor = '1'", /Invalid attribute key 'constructor'/],
    ["constructor.a = '1'", /Invalid entity type 'constructor'/],
    ["tags.a RLIKE 'x'", /Invalid comparator 'RLIKE'/],
    ['metrics.a IS NULL', /only supported for tags and params/],
    ["status IN ('a')", /^Only \['run_id'\] attributes support comparison with a list/],
    ['run_id IN ()', /got empty list/],
    ["run_id IN ('a'; 'b')", /ill-formed list/],
    ['run_id IN (1)', /got different type in list: \(1,\)/],
    ["tags.a = 'x", /Invalid clause/],
    ['metrics.a', /Invalid clause/],
    ['metrics.a > 1 -- and more', /Invalid clause\(s\) in filter string: '-- and more'/],
    ["metrics.a > 1; params.b = 'x'", /multiple expression/],
    ['; select 1', /multiple expression/],
    ['   ', /^Invalid filter ' {3}'\. Could not be parsed\.$/],
    [Array(61).fill('metrics.a > 1').join(' AND '), /at most 60 comparisons/],
  ]
  for (const [filter, message] of refused) {
    assert.throws(() => parseFilter(filter, RUNS), { code: 'INVALID_PARAMETER_VALUE', message }, filter)
  }
})

test('a filter made to make a parser backtrack is answered at once', () => {
  const started = performance.now()
  const parts = ['`', '"', "'", '(', 'a.', "('a',", ' ', 'a a ', '/* ', '/*/', "\\'", '"a".', 'a.1', '--', 'NOT ', "''"]
  for (const part of parts) {
    assert.throws(() => parseFilter(part.repeat(1_000_000 / part.length), RUNS), { code: 'INVALID_PARAMETER_VALUE' })
  }
  // Sixteen filters of a megabyte: a parser that looks twice at what it read would take minutes.
  assert.ok(performance.now() - started < 8000)
})

test('sort keys are read with their direction, and named when unknown or given twice', () => {
  assert.deepEqual(parseOrderBy(['metrics.`a b` DESC', 'start_time', 'tags."x y" asc'], RUNS), [
    { of: 'metric', key: 'a b', ascending: false },
    { of: 'attribute', key: 'start_time', ascending: true },
    { of: 'tag', key: 'x y', ascending: true },
  ])
  assert.throws(() => parseOrderBy(['metrics.a', 'metrics.a DESC'], RUNS), /duplicate fields/)
  assert.throws(() => parseOrderBy(['nothing'], RUNS), /Invalid attribute key/)
  assert.throws(() => parseOrderBy(['metrics.a; drop table run'], RUNS), /Could not be parsed/)
  assert.throws(() => parseOrderBy(['metrics.a SIDEWAYS'], RUNS), /Invalid ordering key/)
})
