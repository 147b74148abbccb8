import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { Member, Role } from '@tidemark/contracts'
import { useState } from 'react'
import { client } from '../app/client.ts'
import { useMay } from '../app/session.ts'
import { Ago, Empty, FormButton } from '../ui/index.ts'
import styles from './identity.module.css'
import { NameInput, RoleSelect } from './inputs.tsx'
import { ListSection } from './list.tsx'

type MemberRole = Exclude<Role, 'admin'>

/** What each role may do, in a line. */
export const ROLES: readonly { value: MemberRole; label: string }[] = [
  { value: 'viewer', label: 'viewer: reads everything' },
  { value: 'editor', label: 'editor: also writes, runs and registers' },
  { value: 'owner', label: 'owner: also deletes, approves and manages members' },
]

/** Who has which role in this workspace. */
export function Members() {
  const may = useMay('identity.manage')
  const members = useQuery({ queryKey: ['members'], queryFn: () => client.identity.listMembers() })
  return (
    <ListSection
      title="Members"
      note="Roles hold in this workspace alone. Admins of the platform have every right in all of them."
      action={may && <SetMember />}
      query={members}
      rows={(data) => data.members}
      empty={
        <Empty title="No members yet" command="tidemark users role NAME editor">
          Somebody who may sign in becomes a member by a role.
        </Empty>
      }
      rowKey={(row) => `${row.person} ${row.workspace}`}
      columns={[
        { id: 'name', header: 'Name', cell: (row) => row.name },
        { id: 'role', header: 'Role', width: 'fit', cell: (row) => row.role },
        { id: 'since', header: 'Since', width: 'fit', cell: (row) => <Ago at={row.since} /> },
        {
          id: 'act',
          header: 'Change',
          width: 'fit',
          cell: (row) => (may && row.role !== 'admin' ? <MemberActs member={row} /> : '—'),
        },
      ]}
    />
  )
}

function SetMember({ member }: { readonly member?: Member }) {
  const queries = useQueryClient()
  const [name, setName] = useState(member?.name ?? '')
  const [role, setRole] = useState<MemberRole>('viewer')
  return (
    <FormButton
      label={member ? 'Change role' : 'Add a member'}
      title={member ? `Change the role of ${member.name}` : 'Add a member'}
      confirm={member ? 'Change role' : 'Add member'}
      small={member !== undefined}
      ready={name !== ''}
      onClosed={() => setName(member?.name ?? '')}
      act={async () => {
        await client.identity.setMember({ params: { name }, body: { role } })
        await queries.invalidateQueries({ queryKey: ['members'] })
        return null
      }}
    >
      {!member && <NameInput description="Of somebody who may sign in." value={name} onValue={setName} />}
      <RoleSelect roles={ROLES} value={role} onValue={setRole} />
    </FormButton>
  )
}

function MemberActs({ member }: { readonly member: Member }) {
  const queries = useQueryClient()
  return (
    <span className={styles.acts}>
      <SetMember member={member} />
      <FormButton
        label="Remove"
        title={`Remove ${member.name} from this workspace`}
        confirm="Remove member"
        danger
        small
        act={async () => {
          await client.identity.removeMember({ params: { name: member.name } })
          await queries.invalidateQueries({ queryKey: ['members'] })
          return null
        }}
      >
        <p>{member.name} sees nothing of this workspace from the next request on. What they made stays.</p>
      </FormButton>
    </span>
  )
}
