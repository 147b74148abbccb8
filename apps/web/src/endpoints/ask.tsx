import { Button, Checkbox, NumberInput, SegmentedControl, Textarea, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { type EndpointView, type HandAnswer, type JsonValue, TidemarkError } from '@tidemark/contracts'
import { useState } from 'react'
import { client } from '../app/client.ts'
import { useMay } from '../app/session.ts'
import { Columns, Command, messageOf, Pairs, Section, StateChip, trimmed } from '../ui/index.ts'
import styles from './ask.module.css'
import { bodyOf, type Cells, exampleBody, readBody } from './example.ts'
import { curlSnippet, pythonSnippet } from './snippets.ts'

/** A form for one request, made from the signature, and the same request as commands. */
export function Ask({ endpoint }: { readonly endpoint: EndpointView }) {
  const may = useMay('deployments.write')
  const byColumns = endpoint.columns.length > 0
  const [cells, setCells] = useState<Cells>({})
  const [text, setText] = useState<string>()
  const [caller, setCaller] = useState('')
  const [entity, setEntity] = useState('')
  const body = byColumns ? bodyOf(endpoint.columns, cells) : exampleBody(endpoint.input)
  const shownBody = text ?? JSON.stringify(body, null, 1)
  return (
    <Section
      title="Ask it"
      note="A real request: it is routed like any other, logged, and counts in monitoring and rollouts."
    >
      <Columns>
        {may && (
          <Request
            endpoint={endpoint}
            input={() => (byColumns ? body : readBody(shownBody))}
            caller={caller}
            entity={entity}
          >
            {byColumns ? (
              <Fields endpoint={endpoint} cells={cells} onCells={setCells} />
            ) : (
              <Textarea
                label="Body"
                description="MLflow's scoring protocol, as JSON"
                classNames={{ input: 'tm-mono' }}
                autosize
                minRows={4}
                maxRows={14}
                value={shownBody}
                onChange={(event) => setText(event.currentTarget.value)}
              />
            )}
            <TextInput
              label="Caller"
              description="Optional: routes as this caller"
              value={caller}
              onChange={(event) => setCaller(event.currentTarget.value)}
            />
            <TextInput
              label="Business key"
              description="Optional: what a label may name"
              value={entity}
              onChange={(event) => setEntity(event.currentTarget.value)}
            />
          </Request>
        )}
        <Snippets endpoint={endpoint} body={body} />
      </Columns>
    </Section>
  )
}

function Fields(props: {
  readonly endpoint: EndpointView
  readonly cells: Cells
  readonly onCells: (cells: Cells) => void
}) {
  const set = (name: string, value: JsonValue) => props.onCells({ ...props.cells, [name]: value })
  const record = bodyOf(props.endpoint.columns, props.cells).dataframe_records[0] ?? {}
  return props.endpoint.columns.map(({ name, type, required }) => {
    const common = { label: name, description: `${type}${required ? '' : ', may be missing'}` }
    const value = record[name]
    switch (type) {
      case 'boolean':
        return (
          <Checkbox
            key={name}
            {...common}
            checked={value === true}
            onChange={(event) => set(name, event.currentTarget.checked)}
          />
        )
      case 'string':
        return (
          <TextInput
            key={name}
            {...common}
            value={String(value ?? '')}
            onChange={(event) =>
              set(name, event.currentTarget.value === '' && !required ? null : event.currentTarget.value)
            }
          />
        )
      case 'json':
        return (
          <TextInput
            key={name}
            {...common}
            value={typeof value === 'string' ? value : JSON.stringify(value)}
            onChange={(event) => set(name, event.currentTarget.value)}
          />
        )
      default:
        return (
          <NumberInput
            key={name}
            {...common}
            hideControls
            allowDecimal={type === 'double' || type === 'float'}
            value={typeof value === 'number' ? value : ''}
            onChange={(next) => set(name, next === '' ? null : Number(next))}
          />
        )
    }
  })
}

function Request(props: {
  readonly endpoint: EndpointView
  readonly input: () => Record<string, JsonValue>
  readonly caller: string
  readonly entity: string
  readonly children: React.ReactNode
}) {
  const [busy, setBusy] = useState(false)
  const [answer, setAnswer] = useState<HandAnswer>()
  const [problem, setProblem] = useState<string>()
  const send = async () => {
    setBusy(true)
    setProblem(undefined)
    setAnswer(undefined)
    try {
      const { caller, entity } = props
      setAnswer(
        await client.traffic.ask({
          params: { endpoint: props.endpoint.name },
          body: { input: props.input(), ...(caller ? { caller } : {}), ...(entity ? { entity } : {}) },
        }),
      )
    } catch (error) {
      setProblem(inWords(error))
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <div className={styles.fields}>{props.children}</div>
      <Button type="submit" loading={busy}>
        Ask
      </Button>
      {problem && (
        <p role="alert" className={styles.problem}>
          {problem}
        </p>
      )}
      {answer && <Answer answer={answer} />}
    </form>
  )
}

/** What was wrong, and where in the form. */
function inWords(error: unknown): string {
  const details = error instanceof TidemarkError ? (error.details ?? []) : []
  return [messageOf(error), ...details.map((detail) => `${detail.path}: ${detail.message}`)].join(' ')
}

function Answer({ answer }: { readonly answer: HandAnswer }) {
  const good = answer.status === 200
  const body = answer.body as { predictions?: JsonValue; message?: string }
  const times = Object.entries(answer.stages).map(([stage, ms]) => `${stage} ${trimmed(ms ?? 0)} ms`)
  return (
    <div role="status">
      <Pairs
        items={[
          [
            'Answer',
            <StateChip key="status" tone={good ? 'good' : 'harm'}>
              {good ? 'answered' : `refused, ${answer.status}`}
            </StateChip>,
          ],
          good
            ? [
                'Predictions',
                <code key="body" className="tm-mono">
                  {JSON.stringify(body.predictions ?? answer.body)}
                </code>,
              ]
            : ['Why', body.message ?? JSON.stringify(answer.body)],
          ...(answer.version ? [['Version', answer.version] as const] : []),
          [
            'Time',
            `${trimmed(answer.milliseconds)} ms with the way through the server${times.length > 0 ? ` (${times.join(', ')})` : ''}`,
          ],
          ...(answer.prediction
            ? [
                [
                  'In the log',
                  <Link key="log" to="/predictions/$id" params={{ id: answer.prediction }}>
                    Its page, with its explanation and its lineage
                  </Link>,
                ] as const,
              ]
            : []),
        ]}
      />
    </div>
  )
}

function Snippets({ endpoint, body }: { readonly endpoint: EndpointView; readonly body: Record<string, JsonValue> }) {
  const [kind, setKind] = useState<'curl' | 'python'>('curl')
  return (
    <div className={styles.snippets}>
      <SegmentedControl
        size="xs"
        aria-label="As a command of"
        data={[
          { value: 'curl', label: 'curl' },
          { value: 'python', label: 'Python' },
        ]}
        value={kind}
        onChange={setKind}
      />
      <Command
        text={
          kind === 'curl' ? curlSnippet(endpoint.url, body) : pythonSnippet(window.location.origin, endpoint.name, body)
        }
        label={`Copy the ${kind === 'curl' ? 'curl command' : 'Python code'}`}
      />
      <p className={styles.note}>
        MLflow's scoring protocol at the gateway: any client of it works, without the server in between.
      </p>
    </div>
  )
}
