import { json, otherwise, type Payload } from './payload.ts'

const ROW = [0.5, 1.5, 2.5]
const OTHER = [1, 2, 3]

/** Asked of a model of scikit-learn whose signature is an array of three numbers a row. */
export const WAVES: readonly Payload[] = [
  json('inputs', { inputs: [ROW, OTHER] }),
  json('instances', { instances: [ROW, OTHER] }),
  json('whole numbers', { inputs: [OTHER] }),
  json('inputs by a name', { inputs: { wave: [ROW] } }),
  json(
    'instances as records',
    { instances: [{ wave: ROW }] },
    {
      ours: '400 BAD_REQUEST',
      stock: '400 INVALID_PARAMETER_VALUE',
      reason:
        'Refused by both, since the array has no name; stock has another code for records than for lists by name.',
    },
  ),
  json('dataframe_split of arrays', { dataframe_split: { columns: ['wave'], data: [[ROW]] } }),
  json('dataframe_split of numbers', { dataframe_split: { columns: [0, 1, 2], data: [ROW, OTHER] } }),
  json('dataframe_records', { dataframe_records: [{ a: 0.5, b: 1.5, c: 2.5 }] }),
  json('one row without its list', { inputs: ROW }),
  json('a number', { inputs: 0.5 }),
  json('a text in an array', { inputs: [[0.5, 'secret', 2.5]] }),
  json('null in an array', { inputs: [[0.5, null, 2.5]] }, otherwise.failed),
  json('NaN in an array', '{"inputs": [[0.5, NaN, 2.5]]}', otherwise.failed),
  json('a number too few', { inputs: [[0.5, 1.5]] }),
  json('a number too many', { inputs: [[0.5, 1.5, 2.5, 3.5]] }),
  json('ragged rows', { inputs: [ROW, [0.5]] }),
  json('an axis too many', { inputs: [[ROW]] }),
  json('no rows', { inputs: [] }),
  json('a text', { inputs: 'secret' }),
  json('true in an array', { inputs: [[true, 1.5, 2.5]] }, otherwise.strict),
  { name: 'CSV', type: 'text/csv', body: () => 'a,b,c\n0.5,1.5,2.5\n', otherwise: otherwise.csv },
]
