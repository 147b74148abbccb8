import { type Given, json, jsonOf, otherwise, type Payload } from './payload.ts'

const COLUMNS = ['budget', 'length', 'genre']
const [CSV, PARQUET] = ['text/csv', 'application/vnd.apache.parquet']

const split = ({ columns, data }: Given) => ({ columns, data })
const records = ({ columns, data }: Given) =>
  data.map((row) => Object.fromEntries(columns.map((name, place) => [name, row[place]])))
const byName = ({ columns, data }: Given) =>
  Object.fromEntries(columns.map((name, place) => [name, data.map((row) => row[place])]))
const oneRow = (name: string, row: readonly unknown[], otherwise?: Payload['otherwise']) =>
  json(name, { dataframe_split: { columns: COLUMNS, data: [row] } }, otherwise)
const file = (name: string, type: string, path: string): Payload => ({ name, type, body: (given) => given.file(path) })

/** Asked of a pipeline of scikit-learn with two numbers and a text, which runs as ONNX here. */
export const FILMS: readonly Payload[] = [
  jsonOf('dataframe_split', (given) => ({ dataframe_split: split(given) })),
  jsonOf('dataframe_split with an index', (given) => ({
    dataframe_split: { ...split(given), index: given.data.map((_, row) => row + 5) },
  })),
  jsonOf('columns in another order', ({ columns, data }) => ({
    dataframe_split: { columns: [...columns].reverse(), data: data.map((row) => [...row].reverse()) },
  })),
  jsonOf('a column more', ({ columns, data }) => ({
    dataframe_split: { columns: [...columns, 'more'], data: data.map((row) => [...row, 1]) },
  })),
  jsonOf('dataframe_records', (given) => ({ dataframe_records: records(given) })),
  jsonOf('inputs by name', (given) => ({ inputs: byName(given) })),
  jsonOf('instances by name', (given) => ({ instances: byName(given) })),
  jsonOf('instances as records', (given) => ({ instances: records(given) })),
  jsonOf('inputs as records', (given) => ({ inputs: records(given) })),
  json('inputs of single values', { inputs: { budget: 20.5, length: 100.5, genre: 'Drama' } }),
  jsonOf('unknown params', (given) => ({ dataframe_split: split(given), params: { unknown: 1 } })),
  jsonOf('params null', (given) => ({ dataframe_split: split(given), params: null })),
  jsonOf('params that are a list', (given) => ({ dataframe_split: split(given), params: [1] }), {
    ours: '400 INVALID_PARAMETER_VALUE',
    stock: '200',
    reason: 'Parameters that are no dictionary are a mistake; stock leaves them out without a word.',
  }),
  jsonOf('another key', (given) => ({ dataframe_split: split(given), more: 1 })),
  oneRow('an integer for a number', [20, 100, 'Drama']),
  oneRow('true for a number', [true, 100.5, 'Drama'], otherwise.strict),
  json(
    'a number beyond float64',
    `{"dataframe_split":{"columns":${JSON.stringify(COLUMNS)},"data":[[1e999,100.0,"Drama"]]}}`,
  ),
  oneRow('a number beyond float32', [1e300, 100.5, 'Drama'], otherwise.failed),
  json('NaN', `{"dataframe_split":{"columns":${JSON.stringify(COLUMNS)},"data":[[NaN,100.0,"Drama"]]}}`),
  json('Infinity', `{"dataframe_split":{"columns":${JSON.stringify(COLUMNS)},"data":[[Infinity,100.0,"Drama"]]}}`),
  oneRow('null in a number', [null, 100.5, 'Drama']),
  oneRow('null in a text', [20.5, 100.5, null]),
  json('null in a text that another row has', {
    dataframe_split: {
      columns: COLUMNS,
      data: [
        [20.5, 100.5, null],
        [20.5, 100.5, 'Drama'],
      ],
    },
  }),
  json('null in a text of each row', {
    dataframe_records: [
      { budget: 20.5, length: 100.5, genre: null },
      { budget: 10.5, length: 90.5, genre: null },
    ],
  }),
  json('a text that one record lacks', {
    dataframe_records: [
      { budget: 20.5, length: 100.5, genre: 'War' },
      { budget: 20.5, length: 100.5 },
    ],
  }),
  json(
    'null in a text of inputs',
    { inputs: { budget: [20.5, 20.5], length: [100.5, 100.5], genre: ['War', null] } },
    otherwise.named,
  ),
  oneRow('the text nan', [20.5, 100.5, 'nan']),
  oneRow('the text None', [20.5, 100.5, 'None']),
  oneRow('an unknown category', [20.5, 100.5, 'Western']),
  oneRow('an empty text', [20.5, 100.5, '']),
  oneRow('a text beyond ASCII', [20.5, 100.5, 'Драма 🎬']),
  file('CSV', CSV, 'rows.csv'),
  file('CSV with an index', CSV, 'indexed.csv'),
  file('CSV with a charset', 'text/csv; charset=utf-8', 'rows.csv'),
  file('Parquet', PARQUET, 'rows.parquet'),
  file('Parquet, gzip, with an index', PARQUET, 'indexed.parquet'),
  json('a list', [1]),
  json('a text', '"secret"'),
  json('a number', '1'),
  json('null', 'null'),
  json('no JSON', '{"secret'),
  json('nothing', ''),
  json('an empty dictionary', {}),
  json('no known key', { secret: 1 }),
  jsonOf('two keys', (given) => ({ inputs: byName(given), dataframe_split: split(given) })),
  json('split that is a list', { dataframe_split: [] }),
  json('split that is null', { dataframe_split: null }),
  json('split without data', { dataframe_split: { columns: COLUMNS } }),
  json('split without columns', { dataframe_split: { data: [[20.5, 100.5, 'Drama']] } }),
  json('split without rows', { dataframe_split: { columns: COLUMNS, data: [] } }),
  json('split with a column twice', {
    dataframe_split: { columns: [...COLUMNS, 'genre'], data: [[20.5, 100.5, 'Drama', 'Drama']] },
  }),
  json('records that are a dictionary', { dataframe_records: {} }),
  json('no records', { dataframe_records: [] }),
  json('records of which one has a column less', {
    dataframe_records: [
      { budget: 20.5, length: 100.5, genre: 'Drama' },
      { budget: 20.5, genre: 'Drama' },
    ],
  }),
  json('records that are numbers', { dataframe_records: [1, 2] }),
  json('no instances', { instances: [] }),
  json('inputs null', { inputs: null }),
  json('inputs that are a text', { inputs: 'secret' }),
  jsonOf('a missing column', ({ columns, data }) => ({
    dataframe_split: { columns: columns.slice(1), data: data.map((row) => row.slice(1)) },
  })),
  oneRow('a text for a number', ['secret', 100.5, 'Drama']),
  oneRow('a list for a number', [[20.5], 100.5, 'Drama']),
  oneRow('a dictionary for a text', [20.5, 100.5, { secret: 1 }]),
  oneRow('an integer for a text', [20.5, 100.5, 7], otherwise.strict),
  jsonOf('columns of unequal length', (given) => ({ inputs: { ...byName(given), budget: [1.5] } })),
  json('a ragged row', { dataframe_split: { columns: COLUMNS, data: [[1.5]] } }),
  jsonOf('rows as lists', ({ data }) => ({ inputs: data }), {
    ours: '200',
    stock: '400 BAD_REQUEST',
    reason:
      'Rows without names are read in the order of the signature; stock names their columns 0, 1, … and then lacks its own.',
  }),
  { name: 'another charset', type: 'application/json; charset=latin-1', body: () => '{}' },
  { name: 'another parameter', type: 'application/json; format=pandas-split', body: () => '{}' },
  { name: 'another type', type: 'text/plain', body: () => 'secret' },
  { name: 'CSV without a column', type: CSV, body: () => 'genre\nsecret\n' },
  { name: 'CSV with a header alone', type: CSV, body: () => 'budget,length,genre\n' },
  { name: 'CSV with nothing', type: CSV, body: () => '' },
  { name: 'CSV with a text for a number', type: CSV, body: () => 'budget,length,genre\nsecret,100.5,Drama\n' },
  {
    name: 'CSV with gaps and quotes',
    type: CSV,
    body: () => 'budget,length,genre\n,100.5,"Drama"\nNA,90,"a ""b"", c"\n',
  },
  {
    name: 'CSV with a gap in a text that another row has',
    type: CSV,
    body: () => 'budget,length,genre\n20.5,100.5,\n20.5,100.5,War\n',
  },
  {
    name: 'CSV with a gap in a text of each row',
    type: CSV,
    body: () => 'budget,length,genre\n20.5,100.5,\n20.5,100.5,NA\n',
    otherwise: {
      ours: '200',
      stock: '200',
      reason:
        'A text that no row has is None whatever the request was written in, so that a request asked again from the log is the same question; of CSV alone stock makes it NaN.',
    },
  },
  { name: 'CSV with a value too many', type: CSV, body: () => 'budget,length,genre\n1,2,Drama\n1,2,Drama,4,5\n' },
  { name: 'no Parquet', type: PARQUET, body: () => 'secret' },
  { name: 'Parquet with nothing', type: PARQUET, body: () => '' },
]
