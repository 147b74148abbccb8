import { call, get, long, type Options, patch, post, type Scenario, type Step } from '../scenario.ts'

const at = (path: string) => `/api/3.0/mlflow/datasets${path}`
const del = call('DELETE')
const ask = (title: string, path: string, body: unknown, options: Options = {}): Step =>
  post(title, at(path), body, options)
const records = (title: string, rows: unknown, dataset = '{dataset}'): Step =>
  ask(title, `/${dataset}/records`, { records: typeof rows === 'string' ? rows : JSON.stringify(rows) })
const look = (title: string): Step => get(title, at('/{dataset}'))

const question = (text: string) => ({ inputs: { question: text } })

/** Evaluation datasets: made, tagged, filled, searched, deleted. */
export const evaluationDatasets: readonly Scenario[] = [
  {
    name: 'evaluation datasets: life',
    steps: [
      post('experiment', 'experiments/create', { name: 'ed-{u}' }, { keep: { exp: 'experiment_id' } }),
      post('second experiment', 'experiments/create', { name: 'ed2-{u}' }, { keep: { other: 'experiment_id' } }),
      ask(
        'create',
        '/create',
        { name: 'ed {u}', experiment_ids: ['{exp}'], tags: '{"team":"films"}' },
        { keep: { dataset: 'dataset.dataset_id' } },
      ),
      ask('create bare', '/create', { name: 'ed bare {u}' }, { keep: { bare: 'dataset.dataset_id' } }),
      ask('create without a name', '/create', { experiment_ids: ['{exp}'] }),
      ask('create with an empty name', '/create', { name: '' }),
      ask('create with tags that are no JSON', '/create', { name: 'ed bad {u}', tags: '{"a":' }),
      ask('create with a list of tags', '/create', { name: 'ed bad {u}', tags: '[1]' }),
      look('get'),
      get('get an unknown one', at('/d-00000000000000000000000000000000')),
      get('get by a strange id', at('/nothing')),
      patch('tag', at('/{dataset}/tags'), { tags: '{"stage":"draft","n":"1"}' }),
      patch('tag an unknown one', at('/d-00000000000000000000000000000000/tags'), { tags: '{"a":"1"}' }),
      look('tagged'),
      del('untag', at('/{dataset}/tags/stage')),
      del('untag what is not there', at('/{dataset}/tags/nothing')),
      look('untagged'),
      get('experiments', at('/{dataset}/experiment-ids')),
      ask('add experiments', '/{dataset}/add-experiments', { experiment_ids: ['{other}'] }),
      ask('add one again', '/{dataset}/add-experiments', { experiment_ids: ['{other}'] }),
      get('experiments afterwards', at('/{dataset}/experiment-ids'), {}, { unordered: ['experiment_ids'] }),
      ask('remove one', '/{dataset}/remove-experiments', { experiment_ids: ['{other}'] }),
      ask('remove one that it is not in', '/{dataset}/remove-experiments', { experiment_ids: ['{other}'] }),
      get('experiments at the end', at('/{dataset}/experiment-ids')),
      del('delete', at('/{bare}')),
      del('delete again', at('/{bare}')),
      get('deleted', at('/{bare}')),
    ],
  },
  {
    name: 'evaluation datasets: records',
    steps: [
      post('experiment', 'experiments/create', { name: 'er-{u}' }, { keep: { exp: 'experiment_id' } }),
      ask(
        'create',
        '/create',
        { name: 'er {u}', experiment_ids: ['{exp}'] },
        { keep: { dataset: 'dataset.dataset_id' } },
      ),
      get('no records', at('/{dataset}/records')),
      records('two records', [
        { ...question('How long is it?'), expectations: { minutes: 90 }, tags: { kind: 'fact' } },
        { ...question('Who made it?') },
      ]),
      records('one of them again, with more', [
        { ...question('How long is it?'), expectations: { unit: 'min' }, tags: { kind: 'number', again: 'yes' } },
      ]),
      records('none', []),
      records('what is no JSON', '[{'),
      records('an object', { inputs: {} }),
      records('a record without inputs', [{ expectations: { a: 1 } }]),
      records('a record whose inputs are text', [{ inputs: 'text' }]),
      records('inputs of all kinds', [{ inputs: { a: 1, b: 1.5, c: null, d: [1, 'x'], e: { f: true }, g: 'ü' } }]),
      records('a source', [
        { ...question('From where?'), source: { source_type: 'HUMAN', source_data: { user_name: 'ada' } } },
      ]),
      records('outputs', [{ ...question('What came?'), outputs: { answer: 42 } }]),
      records('to an unknown dataset', [question('x')], 'd-00000000000000000000000000000000'),
      look('profile and schema'),
      ask('delete no records', '/{dataset}/records', {}),
      del('delete records by ids that are not there', at('/{dataset}/records'), {
        dataset_record_ids: ['dr-00000000000000000000000000000000'],
      }),
      get('records of an unknown dataset', at('/d-00000000000000000000000000000000/records')),
      get('records, none at a time', at('/{dataset}/records'), { max_results: '-1' }),
    ],
  },
  {
    name: 'evaluation datasets: search',
    steps: [
      post('experiment', 'experiments/create', { name: 'es-{u}' }, { keep: { exp: 'experiment_id' } }),
      ...['alpha', 'beta', 'gamma'].map((name) =>
        ask(`create ${name}`, '/create', {
          name: `${name} {u}`,
          experiment_ids: ['{exp}'],
          tags: JSON.stringify({ rank: name.length === 5 ? 'five' : 'four' }),
        }),
      ),
      ...[
        "name = 'alpha {u}'",
        "name LIKE '%a {u}'",
        "name ILIKE 'ALPHA%'",
        "name != 'alpha {u}'",
        "tags.rank = 'five'",
        "tags.rank = 'four' AND name LIKE 'b%'",
        'nonsense',
        "colour = 'red'",
        "created_by = 'nobody'",
        'created_time > 0',
      ].map((filter) =>
        ask(`filter ${filter}`, '/search', {
          experiment_ids: ['{exp}'],
          filter_string: filter,
          order_by: ['name ASC'],
        }),
      ),
      ...['name', 'name DESC', 'created_time ASC', 'colour', 'name SIDEWAYS'].map((order) =>
        ask(`order by ${order}`, '/search', {
          experiment_ids: ['{exp}'],
          order_by: order.startsWith('created') ? [order, 'name'] : [order],
        }),
      ),
      ask('first page', '/search', { experiment_ids: ['{exp}'], order_by: ['name'], max_results: 2 }),
      ask('a page of less than none', '/search', { experiment_ids: ['{exp}'], max_results: -1 }),
      ask('a page too large', '/search', { experiment_ids: ['{exp}'], max_results: 50_001 }),
      ask('a token that is none', '/search', { experiment_ids: ['{exp}'], page_token: 'x' }),
      ask('of an experiment that is not there', '/search', { experiment_ids: ['987654321'] }),
      ask('a name that is too long', '/create', { name: long(600) }),
    ],
  },
]
