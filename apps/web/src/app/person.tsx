import { Menu } from '@mantine/core'
import { IconChevronDown, IconLogout, IconSettings, IconUser } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { client } from './client.ts'
import { goToWorkspace, signOut, useSession } from './session.ts'
import styles from './shell.module.css'

/** The workspace that is shown; where there are others, a way to them. */
export function WorkspaceMenu() {
  const here = useSession().data?.workspace?.name ?? '…'
  const workspaces = useQuery({
    queryKey: ['workspaces'],
    queryFn: () => client.identity.listWorkspaces(),
    staleTime: 60_000,
  })
  const others = workspaces.data?.workspaces.filter(({ name }) => name !== here) ?? []
  if (others.length === 0) return <span className={styles.workspace}>Workspace {here}</span>
  return (
    <span className={styles.workspace}>
      <Menu position="bottom-start" transitionProps={{ duration: 0 }}>
        <Menu.Target>
          <button type="button" className={styles.menuButton}>
            Workspace {here} <IconChevronDown size={13} aria-hidden />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          {others.map(({ name }) => (
            <Menu.Item key={name} onClick={() => goToWorkspace(name)}>
              {name}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </span>
  )
}

/** Who looks, and what they may do with themselves. */
export function PersonMenu() {
  const session = useSession().data
  const navigate = useNavigate()
  const name = session?.who?.name ?? ''
  return (
    <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <button type="button" className={styles.menuButton} aria-label={`${name}: settings`}>
          <IconUser size={15} aria-hidden /> <span className={styles.personName}>{name}</span>
          <IconChevronDown size={13} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconSettings size={15} />} onClick={() => void navigate({ to: '/settings' })}>
          Settings
        </Menu.Item>
        {session?.login && (
          <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => void signOut()}>
            Sign out
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
