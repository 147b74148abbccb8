import { call, get, long, type Options, patch, post, type Scenario, type Step } from '../scenario.ts'

const del = call('DELETE')
const VERSION_MADE = [{ entity: 'MODEL_VERSION', action: 'CREATED' }]
const create = (title: string, body: object, options: Options = {}): Step =>
  post(title, 'webhooks', { name: 'w-{u}', url: 'https://8.8.8.8/hook', events: VERSION_MADE, ...body }, options)
const change = (title: string, body: object, webhook = '{webhook}'): Step => patch(title, `webhooks/${webhook}`, body)
const pair = (entity: string, action: string) => ({ events: [{ entity, action }] })

/** Webhooks: made, changed, listed, deleted. The addresses need no name to be looked up, and nothing happens that would call them. */
export const webhooks: readonly Scenario[] = [
  {
    name: 'webhooks: life',
    steps: [
      create('create', { description: 'on each version' }, { keep: { webhook: 'webhook.webhook_id' } }),
      create('create a second of this name', {}, { keep: { second: 'webhook.webhook_id' } }),
      create('create disabled', { name: 'off-{u}', status: 'DISABLED' }, { keep: { off: 'webhook.webhook_id' } }),
      create('create with a secret', { name: 'secret-{u}', secret: 'shh' }, { keep: { secret: 'webhook.webhook_id' } }),
      get('get', 'webhooks/{webhook}'),
      get('get the one with a secret', 'webhooks/{secret}'),
      get('get an unknown one', 'webhooks/00000000-0000-0000-0000-000000000000'),
      change('rename', { name: 'renamed-{u}' }),
      change('describe', { description: 'otherwise' }),
      change('point elsewhere', { url: 'https://8.8.4.4/other' }),
      change('other events', {
        events: [
          { entity: 'REGISTERED_MODEL', action: 'CREATED' },
          { entity: 'MODEL_VERSION_ALIAS', action: 'DELETED' },
        ],
      }),
      change('disable', { status: 'DISABLED' }),
      change('change nothing', {}),
      change('change an unknown one', { name: 'x' }, '00000000-0000-0000-0000-000000000000'),
      get('changed', 'webhooks/{webhook}'),
      del('delete the second', 'webhooks/{second}'),
      del('delete it again', 'webhooks/{second}'),
      del('delete the disabled one', 'webhooks/{off}'),
      del('delete the one with a secret', 'webhooks/{secret}'),
      del('delete', 'webhooks/{webhook}'),
      get('deleted', 'webhooks/{webhook}'),
      get('no webhooks', 'webhooks'),
    ],
  },
  {
    name: 'webhooks: what is refused',
    steps: [
      create('without a name', { name: undefined }),
      create('with an empty name', { name: '' }),
      create('with a name of spaces', { name: '   ' }),
      create('with a name that is too long', { name: long(64) }),
      create('with a strange name', { name: 'a/b' }),
      create('without an address', { url: undefined }),
      create('with an empty address', { url: '' }),
      create('with an address that is none', { url: 'not an address' }),
      create('with a file address', { url: 'file:///etc/passwd' }),
      create('with FTP', { url: 'ftp://example.com/x' }),
      create('without events', { events: undefined }),
      create('with no events', { events: [] }),
      create('with an unknown entity', pair('PLANET', 'CREATED')),
      create('with an unknown action', pair('MODEL_VERSION', 'EXPLODED')),
      create('with a pair that is not there', pair('REGISTERED_MODEL', 'DELETED')),
      create('with another pair that is not there', pair('MODEL_VERSION', 'UPDATED')),
      create('with a number for a name', { name: 7 }),
      get('a page of none', 'webhooks', { max_results: '0' }),
      get('a page of less than none', 'webhooks', { max_results: '-1' }),
      get('a page too large', 'webhooks', { max_results: '1001' }),
      get('a token that is none', 'webhooks', { page_token: 'x' }),
      // Of an event that never happens here: a stock server makes it.
      create('with an unknown status', { status: 'ASLEEP', ...pair('BUDGET_POLICY', 'EXCEEDED') }),
    ],
  },
  {
    name: 'webhooks: every event',
    steps: [
      ...[
        ['REGISTERED_MODEL', 'CREATED'],
        ['MODEL_VERSION', 'CREATED'],
        ['MODEL_VERSION_TAG', 'SET'],
        ['MODEL_VERSION_TAG', 'DELETED'],
        ['MODEL_VERSION_ALIAS', 'CREATED'],
        ['MODEL_VERSION_ALIAS', 'DELETED'],
        ['PROMPT', 'CREATED'],
        ['PROMPT_VERSION', 'CREATED'],
        ['PROMPT_TAG', 'SET'],
        ['PROMPT_TAG', 'DELETED'],
        ['PROMPT_VERSION_TAG', 'SET'],
        ['PROMPT_VERSION_TAG', 'DELETED'],
        ['PROMPT_ALIAS', 'CREATED'],
        ['PROMPT_ALIAS', 'DELETED'],
        ['BUDGET_POLICY', 'EXCEEDED'],
      ].flatMap(([entity = '', action = '']) => {
        const kept = `${entity}_${action}`.toLowerCase()
        return [
          create(
            `${entity} ${action}`,
            { name: 'e-{u}', ...pair(entity, action) },
            { keep: { [kept]: 'webhook.webhook_id' } },
          ),
          del(`${entity} ${action} deleted`, `webhooks/{${kept}}`),
        ]
      }),
    ],
  },
]
