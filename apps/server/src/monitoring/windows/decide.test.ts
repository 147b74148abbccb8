import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cell } from '@tidemark/contracts'
import { seededUniform } from '@tidemark/statistics'
import { type Profile, profileCategories, profileNumbers } from '../reference/profile.ts'
import { type Film, filmMaker } from '../testing.ts'
import { countUnit, type Unit, type WindowCounts } from './counts.ts'
import { judgeWindow } from './decide.ts'

const policy = { alpha: 0.05, minEntities: 8 }
const score = (film: Film, noise: number): number => 6 + (film.genre === 'Drama' ? 0.6 : 0) + noise

/** A reference of films, and windows of further films of the same maker, as the log would count them. */
function world(seed: number): { profile: Profile; window(size: number, change?: (film: Film) => Film): WindowCounts } {
  const make = filmMaker(seed)
  const uniform = seededUniform(seed + 1)
  const films = Array.from({ length: 1500 }, make)
  const scores = Array.from({ length: 300 }, () => score(make(), uniform()))
  const profile: Profile = {
    format: 1,
    rows: films.length,
    features: [
      profileNumbers(
        'budget',
        films.map((film) => film.budget),
      ),
      profileNumbers(
        'minutes',
        films.map((film) => film.minutes),
      ),
      profileCategories(
        'genre',
        films.map((film) => film.genre),
      ),
      profileCategories(
        'director',
        films.map((film) => film.director),
      ),
    ],
    predictions: profileNumbers('prediction', scores),
  }
  return {
    profile,
    window(size, change = (film) => film) {
      const counts: WindowCounts = new Map()
      for (let index = 0; index < size; index += 1) {
        const film = change(make())
        countUnit(counts, profile, unitOf(film, score(film, uniform())))
      }
      return counts
    },
  }
}

function unitOf(film: Film, prediction: number): Unit {
  return { values: new Map<string, Cell>(Object.entries(film)), prediction: { number: prediction } }
}

test('windows of films that did not change raise a false alarm in at most 5 %, all checks of a window together', () => {
  let alarmed = 0
  let checks = 0
  const windows = 240
  // A new reference every 20 windows: one unlucky reference would be counted again and again.
  for (let round = 0; round < windows / 20; round += 1) {
    const { profile, window } = world(1000 + round)
    for (let index = 0; index < 20; index += 1) {
      const size = [10, 14, 20, 45][index % 4] ?? 14
      const verdict = judgeWindow(profile, window(size), size, policy)
      assert.equal(verdict.kind, 'judged')
      if (verdict.kind !== 'judged') continue
      checks += verdict.checks.length
      if (verdict.checks.some((check) => check.alarm)) alarmed += 1
    }
  }
  assert.equal(checks, windows * 15)
  // 12 expected at exactly 5 %; more than 20 would happen once in a hundred.
  assert.ok(alarmed <= 20, `${alarmed} of ${windows} windows raised a false alarm`)
})

const planted: { name: string; kind: string; feature: string; change: (film: Film) => Film }[] = [
  {
    name: 'budgets in thousands',
    kind: 'unit',
    feature: 'budget',
    change: (film) => ({ ...film, budget: film.budget && film.budget / 1000 }),
  },
  {
    name: 'films an hour longer',
    kind: 'distribution',
    feature: 'minutes',
    change: (film) => ({ ...film, minutes: film.minutes && film.minutes + 60 }),
  },
  {
    name: 'running times no longer sent',
    kind: 'missing',
    feature: 'minutes',
    change: (film) => ({ ...film, minutes: null }),
  },
  {
    name: 'a genre that training never saw',
    kind: 'new_values',
    feature: 'genre',
    change: (film) => ({ ...film, genre: film.genre === 'Drama' ? 'Drame' : film.genre }),
  },
  {
    name: 'running times beyond anything in training',
    kind: 'range',
    feature: 'minutes',
    change: (film) => ({ ...film, minutes: film.minutes && film.minutes * 3 }),
  },
]
for (const { name, kind, feature, change } of planted) {
  test(`${name}: found by the check "${kind}" in a window of 20 films`, () => {
    let found = 0
    for (let seed = 0; seed < 10; seed += 1) {
      const { profile, window } = world(50 + seed)
      const verdict = judgeWindow(profile, window(20, change), 20, policy)
      if (verdict.kind !== 'judged') continue
      if (verdict.checks.some((check) => check.alarm && check.kind === kind && check.feature === feature)) found += 1
    }
    assert.ok(found >= 8, `found in ${found} of 10`)
  })
}

test('a mistaken unit is named with its factor', () => {
  const { profile, window } = world(7)
  const counts = window(14, (film) => ({ ...film, budget: film.budget && film.budget / 1000 }))
  const verdict = judgeWindow(profile, counts, 14, policy)
  assert.equal(verdict.kind, 'judged')
  if (verdict.kind !== 'judged') return
  assert.deepEqual(
    verdict.suspicions.map(({ feature, fault }) => [feature, fault.factor, fault.meaning]),
    [['budget', 0.001, 'thousands']],
  )
})

test('too few things, and a version without a reference, are shown and not judged', () => {
  const { profile, window } = world(3)
  assert.deepEqual(judgeWindow(profile, window(5), 5, policy), {
    kind: 'not_judged',
    reason: '5 things are fewer than the 8 that are judged.',
  })
  assert.equal(judgeWindow(null, window(20), 20, policy).kind, 'not_judged')
})

test('the same counts always give the same verdict', () => {
  const { profile, window } = world(9)
  const counts = window(20)
  assert.deepEqual(judgeWindow(profile, counts, 20, policy), judgeWindow(profile, counts, 20, policy))
})
