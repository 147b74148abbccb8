/** A request that means harm, or just comes from a broken client. */
export interface Malformed {
  readonly path: string
  readonly contentType: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

interface Seed {
  readonly path: string
  readonly contentType: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: Buffer
}

type Random = () => number

/** Numbers in [0, 1) that are the same for a seed (mulberry32, T. Ettinger). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const COLUMNS = ['budget', 'running_time', 'genre']
const ROW = [20.5, 110, 'Drama']
const json = (value: unknown) => Buffer.from(JSON.stringify(value))

const V2 = json({
  id: 'x',
  inputs: COLUMNS.map((name, place) => ({
    name,
    shape: [1, 1],
    datatype: place === 2 ? 'BYTES' : 'FP64',
    data: [ROW[place]],
  })),
})
const V2_JSON = json({
  inputs: COLUMNS.map((name, place) => ({
    name,
    shape: [1, 1],
    datatype: place === 2 ? 'BYTES' : 'FP32',
    parameters: { binary_data_size: place === 2 ? 9 : 4 },
  })),
})
const V2_RAW = Buffer.concat([V2_JSON, Buffer.from([0, 0, 128, 63, 0, 0, 0, 64, 5, 0, 0, 0]), Buffer.from('Drama')])

const JSON_TYPE = 'application/json'
const SEEDS: readonly Seed[] = [
  { path: '/invocations', contentType: JSON_TYPE, body: json({ dataframe_split: { columns: COLUMNS, data: [ROW] } }) },
  { path: '/invocations', contentType: JSON_TYPE, body: json({ dataframe_records: [{ budget: 1, genre: 'x' }] }) },
  { path: '/invocations', contentType: JSON_TYPE, body: json({ inputs: { budget: [1], genre: ['x'] }, params: {} }) },
  { path: '/endpoints/films/invocations', contentType: JSON_TYPE, body: json({ instances: [ROW], entities: ['a'] }) },
  { path: '/invocations', contentType: 'text/csv', body: Buffer.from('budget,genre\n1,"x ""y"""\n,NaN\n') },
  {
    path: '/invocations',
    contentType: 'application/vnd.apache.parquet',
    body: Buffer.from('PAR1\0\0\0\0\0\0\0\x04PAR1'),
  },
  { path: '/v2/models/films/infer', contentType: JSON_TYPE, body: V2 },
  {
    path: '/v2/models/films/infer',
    contentType: 'application/octet-stream',
    headers: { 'inference-header-content-length': String(V2_JSON.length) },
    body: V2_RAW,
  },
  { path: '/v1/models/films:predict', contentType: JSON_TYPE, body: json({ instances: [ROW] }) },
  { path: '/v1/models/films/versions/1:predict', contentType: JSON_TYPE, body: json({ inputs: { budget: [1] } }) },
]

/** What is put in the place of something else: edges of types, of nesting and of Unicode. */
const PIECES = [
  'null',
  'NaN',
  '-Infinity',
  '1e999',
  '-0',
  '9007199254740993',
  '""',
  '"\\ud800"',
  '"\\u0000"',
  '{}',
  '[]',
  '[[]]',
  '{"__proto__":{"x":1}}',
  '{"constructor":1}',
  'true',
  '"'.repeat(3),
  '['.repeat(3000),
  '{"a":'.repeat(2000),
  `[${'0,'.repeat(500)}0]`,
  '\u202e',
  '"data"',
  '"columns":[]',
  '4294967296',
  '-1',
]

type Mutation = (body: Buffer, random: Random) => Buffer

const at = (body: Buffer, random: Random) => Math.floor(random() * (body.length + 1))
const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)] as T

const MUTATIONS: readonly Mutation[] = [
  // Cut short.
  (body, random) => body.subarray(0, at(body, random)),
  // One byte is another.
  (body, random) => {
    const changed = Buffer.from(body)
    if (changed.length > 0) changed[Math.floor(random() * changed.length)] = Math.floor(random() * 256)
    return changed
  },
  // A piece more.
  (body, random) => {
    const place = at(body, random)
    return Buffer.concat([body.subarray(0, place), Buffer.from(pick(PIECES, random)), body.subarray(place)])
  },
  // A value is another: between two marks of JSON.
  (body, random) => {
    const text = body.toString('latin1')
    const marks = [...text.matchAll(/[[{:,]/g)]
    const from = marks.length > 0 ? pick(marks, random).index + 1 : 0
    const rest = text.slice(from)
    const end = from + Math.max(0, rest.search(/[,\]}]/))
    return Buffer.concat([body.subarray(0, from), Buffer.from(pick(PIECES, random)), body.subarray(end)])
  },
  // A stretch twice.
  (body, random) => {
    const [from, to] = [at(body, random), at(body, random)].sort((a, b) => a - b) as [number, number]
    return Buffer.concat([body.subarray(0, to), body.subarray(from)])
  },
  // Noise.
  (_body, random) => Buffer.from(Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256))),
]

/** The next malformed request: a good one of some protocol, changed one to three times; now and then under a wrong type or length. */
export function malformed(random: Random): Malformed {
  const seed = pick(SEEDS, random)
  let { body } = seed
  const times = 1 + Math.floor(random() * 3)
  for (let time = 0; time < times; time++) body = pick(MUTATIONS, random)(body, random)
  const contentType =
    random() < 0.05
      ? pick(['', 'text/plain', 'application/json; charset=latin-1', 'text/csv'], random)
      : seed.contentType
  const wrongLength =
    random() < 0.1 ? { 'inference-header-content-length': pick(['-1', '1e3', '99999999', 'x', '0'], random) } : {}
  return { path: seed.path, contentType, headers: { ...seed.headers, ...wrongLength }, body }
}
