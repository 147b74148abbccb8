import { get, long, post, type Scenario } from '../scenario.ts'

const dataset = (over: object = {}) => ({
  name: 'films',
  digest: 'd1',
  source_type: 'local',
  source: '{"uri":"x"}',
  ...over,
})
const log = (title: string, body: object) => post(title, 'runs/log-inputs', { run_id: '{run}', ...body })
const outputs = (title: string, body: object) => post(title, 'runs/outputs', { run_id: '{run}', ...body })
const run = {
  unordered: [
    'run.inputs.dataset_inputs',
    'run.inputs.model_inputs',
    'run.outputs.model_outputs',
    'run.inputs.dataset_inputs.tags',
    'run.data.tags',
  ],
}

export const inputs: readonly Scenario[] = [
  {
    name: 'inputs and outputs',
    steps: [
      post('experiment', 'experiments/create', { name: 'in-{u}' }, { keep: { exp: 'experiment_id' } }),
      post(
        'run',
        'runs/create',
        { experiment_id: '{exp}', start_time: 1, run_name: 'r' },
        { keep: { run: 'run.info.run_id' } },
      ),
      post('another experiment', 'experiments/create', { name: 'in2-{u}' }, { keep: { exp2: 'experiment_id' } }),
      post(
        'a run for what is half read',
        'runs/create',
        { experiment_id: '{exp2}', start_time: 1, run_name: 'j' },
        { keep: { junk: 'run.info.run_id' } },
      ),
      post(
        'model',
        'logged-models',
        { experiment_id: '{exp}', name: 'm', source_run_id: '{run}' },
        { keep: { model: 'model.info.model_id' } },
      ),
      log('one', {
        datasets: [
          { tags: [{ key: 'mlflow.data.context', value: 'train' }], dataset: dataset({ schema: 's', profile: 'p' }) },
        ],
      }),
      log('the same again', {
        datasets: [{ tags: [{ key: 'mlflow.data.context', value: 'other' }], dataset: dataset() }],
      }),
      log('another digest', { datasets: [{ dataset: dataset({ digest: 'd2' }) }] }),
      log('two, one twice', { datasets: [{ dataset: dataset({ name: 'b' }) }, { dataset: dataset({ name: 'b' }) }] }),
      log('no tags', { datasets: [{ tags: [], dataset: dataset({ name: 'c' }) }] }),
      log('nothing', {}),
      log('without data set', { run_id: '{junk}', datasets: [{ tags: [] }] }),
      log('without name', {
        run_id: '{junk}',
        datasets: [{ dataset: { digest: 'd', source_type: 'l', source: 's' } }],
      }),
      log('without digest', {
        run_id: '{junk}',
        datasets: [{ dataset: { name: 'n', source_type: 'l', source: 's' } }],
      }),
      log('without source', {
        run_id: '{junk}',
        datasets: [{ dataset: { name: 'n', digest: 'd', source_type: 'l' } }],
      }),
      log('without source type', {
        run_id: '{junk}',
        datasets: [{ dataset: { name: 'n', digest: 'd', source: 's' } }],
      }),
      log('name of 501', { datasets: [{ dataset: dataset({ name: long(501) }) }] }),
      log('digest of 37', { datasets: [{ dataset: dataset({ digest: long(37) }) }] }),
      log('source of 65536', { datasets: [{ dataset: dataset({ source: long(65_536) }) }] }),
      log('schema too long', { datasets: [{ dataset: dataset({ schema: long(1_048_576) }) }] }),
      log('tag without key', {
        run_id: '{junk}',
        datasets: [{ tags: [{ value: 'v' }], dataset: dataset({ name: 'e' }) }],
      }),
      log('tag key of 256', {
        datasets: [{ tags: [{ key: long(256), value: 'v' }], dataset: dataset({ name: 'f' }) }],
      }),
      log('tag value of 501', {
        datasets: [{ tags: [{ key: 'k', value: long(501) }], dataset: dataset({ name: 'g' }) }],
      }),
      log('datasets is text', { datasets: 'x' }),
      log('unknown run', { run_id: 'abcdef0123', datasets: [] }),
      log('no run', { run_id: undefined, datasets: [] }),
      log('a model', { models: [{ model_id: '{model}' }] }),
      log('a model again', { models: [{ model_id: '{model}' }] }),
      outputs('output', { models: [{ model_id: '{model}', step: 3 }] }),
      outputs('output without step', { models: [{ model_id: 'm-other' }] }),
      outputs('no outputs', { models: [] }),
      outputs('outputs missing', {}),
      outputs('outputs is text', { models: 'x' }),
      outputs('output without id', { run_id: '{junk}', models: [{ step: 1 }] }),
      outputs('outputs of an unknown run', { run_id: 'abcdef0123', models: [{ model_id: 'm-x' }] }),
      get('get', 'runs/get', { run_id: '{run}' }, run),
      post(
        'search',
        'runs/search',
        { experiment_ids: ['{exp}'] },
        { unordered: ['runs.inputs.dataset_inputs', 'runs.outputs.model_outputs', 'runs.data.tags'] },
      ),
      post(
        'data sets of the experiment',
        '/ajax-api/2.0/mlflow/experiments/search-datasets',
        { experiment_ids: ['{exp}'] },
        { unordered: ['dataset_summaries'] },
      ),
      post('data sets of nothing', '/ajax-api/2.0/mlflow/experiments/search-datasets', { experiment_ids: [] }),
      post('data sets without experiments', '/ajax-api/2.0/mlflow/experiments/search-datasets', {}),
      post('data sets of 21 experiments', '/ajax-api/2.0/mlflow/experiments/search-datasets', {
        experiment_ids: Array.from({ length: 21 }, (_, i) => `${i}`),
      }),
    ],
  },
]
