import { NativeSelect, NumberInput, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { ReplayView } from '@tidemark/contracts'
import { useState } from 'react'
import { client } from '../app/client.ts'
import { useMay } from '../app/session.ts'
import { FormButton } from '../ui/index.ts'

const DAY_MILLISECONDS = 86_400_000

interface Version {
  readonly model: string
  readonly version: number
}

/** Starts a replay of the version on one of its model's endpoints; nothing where there is none, or the one who looks may not. */
export function StartReplay({ model, version, again }: Version & { readonly again: boolean }) {
  const queries = useQueryClient()
  const may = useMay('evaluation.write')
  const endpoints = useQuery({
    queryKey: ['endpoints'],
    queryFn: () => client.deployments.listEndpoints(),
    enabled: may,
  })
  const [chosen, setChosen] = useState('')
  const [first, setFirst] = useState('')
  const [last, setLast] = useState('')
  const [tolerance, setTolerance] = useState<number | ''>('')
  const names = endpoints.data?.endpoints.filter((each) => each.model === model).map(({ name }) => name) ?? []
  const endpoint = names.includes(chosen) ? chosen : names[0]
  if (!may || endpoint === undefined) return null
  const act = async () => {
    const body = {
      version,
      ...(first === '' ? {} : { from: beginOf(first) }),
      ...(last === '' ? {} : { to: new Date(Date.parse(beginOf(last)) + DAY_MILLISECONDS).toISOString() }),
      ...(tolerance === '' ? {} : { tolerance }),
    }
    await client.replays.start({ params: { endpoint }, body })
    await queries.invalidateQueries({ queryKey: ['replays', model, version] })
    return null
  }
  return (
    <FormButton
      label={again ? 'Replay again' : 'Replay requests'}
      title={`Ask ${model}/${version} what an endpoint was asked`}
      confirm={`Replay on ${endpoint}`}
      ready={first === '' || last === '' || first <= last}
      act={act}
    >
      <p>
        Logged requests are asked again in a process of its own. Callers notice nothing, and nobody gets its answers.
      </p>
      <NativeSelect
        label="Endpoint"
        data={names}
        value={endpoint}
        onChange={(event) => setChosen(event.currentTarget.value)}
        data-autofocus
      />
      <TextInput
        type="date"
        label="First day"
        description="Event time in UTC; empty: from the first request of the log on."
        value={first}
        onChange={(event) => setFirst(event.currentTarget.value)}
      />
      <TextInput
        type="date"
        label="Last day"
        description="Included; empty: up to the latest request."
        value={last}
        onChange={(event) => setLast(event.currentTarget.value)}
        error={first !== '' && last !== '' && first > last ? 'It is before the first day.' : null}
      />
      <NumberInput
        label="Tolerance"
        description="Numbers that differ by no more are the same decision; empty: as the endpoint's policy says."
        min={0}
        hideControls
        value={tolerance}
        onChange={(value) => setTolerance(value === '' ? '' : Number(value))}
      />
    </FormButton>
  )
}

/** Ends a replay that waits or runs. */
export function CancelReplay({ of: { id, model, version } }: { readonly of: ReplayView }) {
  const queries = useQueryClient()
  if (!useMay('evaluation.write')) return null
  return (
    <FormButton
      label="Cancel"
      title={`Cancel the replay of ${model}/${version}`}
      confirm="Cancel the replay"
      small
      act={async () => {
        await client.replays.cancel({ params: { id } })
        await queries.invalidateQueries({ queryKey: ['replays', model, version] })
        return null
      }}
    >
      <p>What it has asked so far is lost; a new one begins at the first request.</p>
    </FormButton>
  )
}

const beginOf = (day: string) => `${day}T00:00:00.000Z`
