import { NumberInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { Role, ServiceToken } from '@tidemark/contracts'
import { useState } from 'react'
import { client } from '../app/client.ts'
import { useMay } from '../app/session.ts'
import { Ago, Command, Empty, FormButton, StateChip, type Tone } from '../ui/index.ts'
import styles from './identity.module.css'
import { NameInput, RoleSelect } from './inputs.tsx'
import { ListSection } from './list.tsx'
import { ROLES } from './members.tsx'

const TONES: Readonly<Record<ServiceToken['state'], Tone>> = { active: 'good', expired: 'unknown', revoked: 'harm' }

/** Tokens of programs in this workspace. */
export function Tokens() {
  const may = useMay('identity.manage')
  const tokens = useQuery({ queryKey: ['tokens'], queryFn: () => client.identity.listTokens() })
  return (
    <ListSection
      title="Tokens"
      note="For programs. Only a token's hash is kept: it is shown once, when it is made."
      action={may && <NewToken />}
      query={tokens}
      rows={(data) => data.tokens}
      empty={
        <Empty title="No token yet" command="tidemark tokens create ci --role editor">
          A program shows one as MLFLOW_TRACKING_TOKEN, or as “Authorization: Bearer”.
        </Empty>
      }
      rowKey={(row) => row.id}
      columns={[
        { id: 'name', header: 'Name', cell: (row) => row.name },
        {
          id: 'state',
          header: 'State',
          width: 'fit',
          cell: (row) => <StateChip tone={TONES[row.state]}>{row.state}</StateChip>,
        },
        { id: 'role', header: 'May', cell: (row) => row.permissions?.join(', ') ?? row.role },
        {
          id: 'used',
          header: 'Last used',
          width: 'fit',
          spare: true,
          cell: (row) => (row.lastUsedAt ? <Ago at={row.lastUsedAt} /> : 'never'),
        },
        { id: 'expires', header: 'Holds until', width: 'fit', cell: (row) => row.expiresAt.slice(0, 10) },
        {
          id: 'act',
          header: 'Change',
          width: 'fit',
          cell: (row) => (may && row.state === 'active' ? <Revoke token={row} /> : '—'),
        },
      ]}
    />
  )
}

/** The only sight of a token. */
function Shown({ token }: { readonly token: string }) {
  return (
    <div className={styles.secret}>
      <p>Copy it now: it is not shown again.</p>
      <Command text={token} label="Copy the token" />
      <Command text={`export MLFLOW_TRACKING_TOKEN=${token}`} label="Copy the line for a shell" />
    </div>
  )
}

function NewToken() {
  const queries = useQueryClient()
  const admin = useMay('users.manage')
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const [days, setDays] = useState(90)
  const roles = admin
    ? [...ROLES, { value: 'admin' as const, label: 'admin: everything, in all workspaces' }]
    : [...ROLES]
  return (
    <FormButton
      label="Create a token"
      title="Create a token"
      confirm="Create token"
      ready={name.trim() !== ''}
      onClosed={() => setName('')}
      act={async () => {
        const { token } = await client.identity.createToken({ body: { name: name.trim(), role, days } })
        await queries.invalidateQueries({ queryKey: ['tokens'] })
        return <Shown token={token} />
      }}
    >
      <NameInput description="Which program holds it." value={name} onValue={setName} />
      <RoleSelect roles={roles} value={role} onValue={setRole} />
      <NumberInput
        label="Days until it is void"
        min={1}
        max={366}
        hideControls
        value={days}
        onChange={(value) => setDays(Number(value) || 1)}
      />
    </FormButton>
  )
}

function Revoke({ token }: { readonly token: ServiceToken }) {
  const queries = useQueryClient()
  return (
    <FormButton
      label="Revoke"
      title={`Revoke the token “${token.name}”`}
      confirm="Revoke token"
      danger
      small
      act={async () => {
        await client.identity.revokeToken({ params: { token: token.id } })
        await queries.invalidateQueries({ queryKey: ['tokens'] })
        return null
      }}
    >
      <p>The program that holds it is refused from the next request on. This cannot be taken back.</p>
    </FormButton>
  )
}

/** A token with one's own role here, for a notebook or a terminal. */
export function OwnToken({ workspace }: { readonly workspace: string }) {
  const queries = useQueryClient()
  const [name, setName] = useState('')
  return (
    <FormButton
      label="Create a token of your own"
      title={`Create a token of your own for ${workspace}`}
      confirm="Create token"
      ready={name.trim() !== ''}
      onClosed={() => setName('')}
      act={async () => {
        const { token } = await client.identity.createOwnToken({ body: { name: name.trim(), workspace } })
        await queries.invalidateQueries({ queryKey: ['tokens'] })
        return <Shown token={token} />
      }}
    >
      <p>It has the role that you have in this workspace, for 90 days, and loses it when you do.</p>
      <NameInput description="Where you use it, such as “notebook”." value={name} onValue={setName} />
    </FormButton>
  )
}
