// examples/pull.cron: every line, those behind a # too, in the environment of cron, with a source behind SFTP and two behind restricted keys.

import {mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {root, sh, start} from '../harness/bk.ts'
import {readStore} from '../harness/read-store.ts'
import {startSshd} from '../harness/sshd.ts'
import {tempDir} from '../harness/temp.ts'

test('every line works in the environment of cron, and is quiet', async () => {
  const text = readFileSync(join(root, 'examples/pull.cron'), 'utf8')
  const jobs = [...text.matchAll(/^#?(?:[\d*/,-]+ ){5}root (.*)$/gm)].map(([, command = '']) => command)
  expect(jobs).toHaveLength(5)
  const dir = tempDir('examples-pull')
  for (const each of ['srv/backupop/sub', 'backup', 'web', 'bin']) mkdirSync(join(dir, each), {recursive: true})
  writeFileSync(join(dir, 'srv/backupop/sub/file'), 'content\n')
  writeFileSync(join(dir, 'web/page'), 'page\n')
  symlinkSync(join(root, 'bin/bk'), join(dir, 'bin/bk'))
  const sshd = await startSshd({hosts: ['source', 'web1', 'web2'], sftp: `internal-sftp -d ${dir}/srv/backupop`})
  const restricted = async (host: string): Promise<string> =>
    String((await start('bk', ['keys', 'restrict', '--source', join(dir, 'web')], {stdin: `${sshd.publicKeys[host]}\n`}).done).stdout).trimEnd()
  sshd.authorize([sshd.publicKeys['source']!, await restricted('web1'), await restricted('web2')])
  expect((await sh('bk init -q backup/store', {cwd: dir})).status).toBe(0)
  const path = `${dir}/bin:${sshd.env['PATH']}`
  for (const job of jobs) {
    const here = job.replaceAll('/srv/backupop', `${dir}/srv/backupop`).replaceAll('/backup/store', `${dir}/backup/store`)
    const result = await start('env', ['-i', `HOME=${dir}`, 'LOGNAME=root', 'SHELL=/bin/sh', 'BK_CONFIG=', `PATH=${path}`, '/bin/sh', '-c', here], {cwd: dir}).done

    expect({job, status: result.status, stdout: String(result.stdout), stderr: result.stderr}).toEqual({job, status: 0, stdout: '', stderr: ''})
  }
  const {snapshots} = readStore(join(dir, 'backup/store'))
  expect(snapshots.map(({set}) => set)).toEqual(['source', 'web1', 'web2'])
  expect(snapshots[0]!.index).toMatch(/^\.\/sub\/file type=file .* md5=\w{32} sha256=\w{64}$/m)
})
