import { json, otherwise, type Payload } from './payload.ts'

const NO_COLUMN = {
  ours: '200',
  stock: '200',
  reason:
    'A column that may be missing and is not sent has nothing in any row, so that a version answers alike in Python and as ONNX, and pipelines that choose columns by name answer; stock’s frame lacks the column.',
}

const COLUMNS = ['visitors', 'weekend', 'at', 'note', 'rain']
const ROW = [120, true, '2024-05-04T10:00:00', 'fair', 0.5]
const record = (changed: Readonly<Record<string, unknown>> = {}) => ({
  ...Object.fromEntries(COLUMNS.map((name, place) => [name, ROW[place]])),
  ...changed,
})
const without = (name: string) => {
  const { [name]: _, ...rest } = record() as Record<string, unknown>
  return rest
}
const oneRecord = (name: string, changed: Readonly<Record<string, unknown>>, otherwise?: Payload['otherwise']) =>
  json(name, { dataframe_records: [record(changed)] }, otherwise)
const withParams = (name: string, params: unknown, otherwise?: Payload['otherwise']) =>
  json(name, { dataframe_records: [record()], params }, otherwise)
const csv = (name: string, ...lines: readonly string[]): Payload => ({
  name,
  type: 'text/csv',
  body: () => `${COLUMNS.join(',')}\n${lines.map((line) => `${line}\n`).join('')}`,
})

/** Asked of a model of one's own with a whole number, a truth value, a time, two columns that may be missing, and parameters; it answers records. */
export const VISITS: readonly Payload[] = [
  json('dataframe_split', { dataframe_split: { columns: COLUMNS, data: [ROW] } }),
  json('dataframe_records', { dataframe_records: [record(), record({ visitors: 7 })] }),
  json('inputs by name', {
    inputs: Object.fromEntries(Object.entries(record()).map(([name, value]) => [name, [value]])),
  }),
  json('instances as records', { instances: [record()] }),
  oneRecord('null in columns that may be missing', { note: null, rain: null }),
  json('null in a text that another row has', { dataframe_records: [record({ note: null }), record()] }),
  json('null in a text of each row', {
    dataframe_split: { columns: COLUMNS, data: [ROW, ROW].map((row) => row.with(3, null as never)) },
  }),
  json('a text that one record lacks', { dataframe_records: [record(), without('note')] }),
  json('null in a text of instances', { instances: [record({ note: null }), record()] }, otherwise.named),
  json(
    'without columns that may be missing',
    {
      dataframe_split: { columns: COLUMNS.slice(0, 3), data: [ROW.slice(0, 3)] },
    },
    NO_COLUMN,
  ),
  json('without a column that must be there', { dataframe_records: [without('visitors')] }),
  oneRecord('a whole number with a decimal point', { visitors: 120.0 }),
  oneRecord('a fraction for a whole number', { visitors: 120.5 }, otherwise.strict),
  oneRecord('null for a whole number', { visitors: null }),
  oneRecord('a text for a whole number', { visitors: 'secret' }),
  oneRecord('true for a whole number', { visitors: true }, otherwise.strict),
  json(
    'a whole number beyond 2^53',
    JSON.stringify({ dataframe_records: [record()] }).replace('120', '9007199254740993'),
    {
      ours: '400 BAD_REQUEST',
      stock: '200',
      reason:
        'JSON’s numbers are float64 in most clients, which do not hold whole numbers beyond 2^53 exactly: it is refused rather than rounded.',
    },
  ),
  json(
    'a whole number beyond int64',
    JSON.stringify({ dataframe_records: [record()] }).replace('120', '99999999999999999999'),
  ),
  oneRecord('1 for a truth value', { weekend: 1 }, otherwise.strict),
  oneRecord('a text for a truth value', { weekend: 'secret' }, otherwise.strict),
  oneRecord('null for a truth value', { weekend: null }, otherwise.strict),
  oneRecord('a day for a time', { at: '2024-05-04' }),
  oneRecord('a time with a zone', { at: '2024-05-04T10:00:00+02:00' }),
  oneRecord('a text for a time', { at: 'secret' }, otherwise.code),
  oneRecord('a number for a time', { at: 1714816800000 }, otherwise.strict),
  oneRecord('a whole number for a number', { rain: 1 }),
  oneRecord('a number for a text', { note: 7 }, otherwise.strict),
  withParams('params', { factor: 2.5, name: 'visits' }),
  withParams('a whole number for a parameter that is a number', { factor: 2 }),
  withParams('no params', {}),
  withParams('a parameter that is not known', { factor: 2.5, secret: 1 }),
  withParams('a text for a parameter that is a number', { factor: 'secret' }),
  withParams('null for a parameter', { factor: null }, otherwise.failed),
  withParams('a list for a parameter', { factor: [1.5] }),
  withParams('a number for a parameter that is a text', { name: 7 }),
  { ...csv('CSV', '120,True,2024-05-04T10:00:00,fair,0.5'), otherwise: otherwise.csv },
  { ...csv('CSV with gaps', '120,False,2024-05-04T10:00:00,,'), otherwise: otherwise.csv },
  csv('CSV with a gap in a whole number', ',True,2024-05-04T10:00:00,fair,0.5'),
  csv('CSV with a fraction for a whole number', '1.5,True,2024-05-04T10:00:00,fair,0.5'),
]
