import { TextInput } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { Dialog } from '../ui/index.ts'
import { client } from './client.ts'
import styles from './palette.module.css'
import { STATIONS } from './stations.ts'

interface Target {
  readonly key: string
  readonly kind: string
  readonly name: string
  readonly to: string
}

export function usePaletteShortcut(open: () => void): void {
  useHotkeys([['mod+K', open]], [])
}

/** Everything by name or id: pages, datasets, pipelines, models, endpoints; any other id leads to its Why. */
export function Palette({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  return (
    <Dialog opened={opened} onClose={onClose} title="Go to" wide>
      <Search onClose={onClose} />
    </Dialog>
  )
}

function Search({ onClose }: { readonly onClose: () => void }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const navigate = useNavigate()
  const targets = useTargets()
  const wanted = text.trim().toLowerCase()
  const found = targets.filter((target) => `${target.kind} ${target.name}`.toLowerCase().includes(wanted)).slice(0, 12)
  const shown: readonly Target[] =
    wanted.length >= 3 && found.length === 0
      ? [{ key: 'why', kind: 'Why', name: text.trim(), to: `/governance/why/${encodeURIComponent(text.trim())}` }]
      : found
  const go = (target: Target | undefined) => {
    if (!target) return
    onClose()
    void navigate({ to: target.to })
  }
  return (
    <>
      <TextInput
        data-autofocus
        aria-label="Name or id"
        placeholder="Name, version such as films/3, or any id"
        leftSection={<IconSearch size={16} />}
        value={text}
        role="combobox"
        aria-expanded
        aria-controls="palette-list"
        aria-activedescendant={shown[at] ? `palette-${at}` : undefined}
        onChange={(event) => {
          setText(event.currentTarget.value)
          setAt(0)
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') setAt(Math.min(at + 1, shown.length - 1))
          else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, 0))
          else if (event.key === 'Enter') go(shown[at])
          else return
          event.preventDefault()
        }}
      />
      <div className={styles.list} id="palette-list" role="listbox" aria-label="Results">
        {shown.map((target, index) => (
          <div
            key={target.key}
            id={`palette-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            className={styles.item}
            onClick={() => go(target)}
            onKeyDown={(event) => event.key === 'Enter' && go(target)}
            onMouseEnter={() => setAt(index)}
          >
            <span className={styles.kind}>{target.kind}</span> {target.name}
          </div>
        ))}
      </div>
    </>
  )
}

function useTargets(): readonly Target[] {
  const datasets = useQuery({ queryKey: ['data', 'list'], queryFn: () => client.data.listDatasets() })
  const pipelines = useQuery({ queryKey: ['pipelines', 'list'], queryFn: () => client.pipelines.listPipelines() })
  const endpoints = useQuery({ queryKey: ['endpoints', 'list'], queryFn: () => client.deployments.listEndpoints() })
  const experiments = useQuery({
    queryKey: ['experiments', 'list'],
    queryFn: () => client.experiments.listExperiments({ query: {} }),
  })
  return [
    ...STATIONS.map(({ to, label }) => ({ key: to, kind: 'Page', name: label, to })),
    ...(datasets.data?.datasets ?? []).map(({ name }) => ({
      key: `d${name}`,
      kind: 'Dataset',
      name,
      to: `/data/${name}`,
    })),
    ...(experiments.data?.experiments ?? []).map(({ id, name }) => ({
      key: `x${id}`,
      kind: 'Experiment',
      name,
      to: `/experiments/${id}`,
    })),
    ...(pipelines.data?.pipelines ?? []).map(({ name }) => ({
      key: `p${name}`,
      kind: 'Pipeline',
      name,
      to: `/pipelines/${name}`,
    })),
    ...(endpoints.data?.endpoints ?? []).flatMap(({ name, model }) => [
      { key: `e${name}`, kind: 'Endpoint', name, to: `/endpoints/${name}` },
      { key: `w${name}`, kind: 'Monitoring', name, to: `/monitoring/${name}` },
      { key: `m${name}${model}`, kind: 'Model', name: model, to: `/models/${model}` },
    ]),
  ]
}
