// The key as a way into the machine: shells, files, tunnels, terminals, the environment. What stops these is the line in
// authorized_keys, or sshd itself, so that is what is taken out.

import {existsSync} from 'node:fs'
import {rows} from './row.ts'
import type {Row, Shot} from './row.ts'

const looted = ({loot}: Shot): boolean => existsSync(loot)
const said = (words: RegExp) => ({stdout}: Shot): boolean => words.test(stdout)

const onlyCommand = {rule: 'restrict,command= on the key: sshd runs that and nothing else', at: 'authorized_keys: command='}
const noCommand = {line: (_: string, key: string) => `restrict ${key}`}

const shell = rows({group: 'shell', defence: onlyCommand, harm: looted, without: noCommand, forced: true}, [
  {name: 'a command', attack: 'ssh vault "touch $LOOT" </dev/null'},
  {name: 'a shell that reads commands from stdin', attack: 'echo "touch $LOOT" | ssh vault sh'},
  {name: 'a shell that nobody asked for', attack: 'echo "touch $LOOT" | ssh vault', without: undefined},
  {name: 'the deletion of the store', attack: 'ssh vault "rm -rf $STORE" </dev/null', harm: ({harmed}) => harmed.length > 0},
  {name: 'a key of the thief\'s own', attack: 'echo "ssh-ed25519 AAAA thief" | ssh vault "cat >>$LOOT"'},
  {name: 'bk itself, with another command', attack: 'ssh vault "bk restore -q $STORE@2 --to /dev/stdout; touch $LOOT" </dev/null'},
])

const files = rows({group: 'files', defence: onlyCommand, ends: [1, 65, 77, 124, 255], forced: true, without: noCommand}, [
  {name: 'scp, the old protocol, to the host', attack: 'echo x >x; timeout 1 scp -O -q x vault:$LOOT', harm: looted},
  {name: 'scp to the host', attack: 'echo x >x; scp -q x vault:$LOOT', harm: looted},
  {name: 'scp, the old protocol, of a record', attack: 'timeout 1 scp -O -q vault:$STORE/log/000001 stolen && cat stolen', harm: said(/^#bk record/m)},
  {name: 'scp of the store', attack: 'scp -q -r vault:$STORE stolen && cat stolen/log/000001', harm: said(/^#bk record/m)},
  {name: 'sftp get', attack: 'echo "get $STORE/log/000001 stolen" | sftp -q -b - vault && cat stolen', harm: said(/^#bk record/m)},
  {name: 'sftp put over a record', attack: 'echo x >x; echo "put x $STORE/log/000009" | sftp -q -b - vault', harm: ({grown}) => grown.length > 0},
  {name: 'sftp rm', attack: 'echo "rm $STORE/log/000001" | sftp -q -b - vault', harm: ({harmed}) => harmed.length > 0},
  {
    name: 'the sftp subsystem by its name', attack: `(printf '\\0\\0\\0\\005\\001\\0\\0\\0\\003'; sleep 0.5) | timeout 2 ssh -s vault sftp | od -c`,
    harm: said(/ 002( +\\0){3} +003/), ends: [0, 65, 77],
  },
  {name: 'a subsystem that is none', attack: 'ssh -s vault shell </dev/null', without: undefined},
  {name: 'rsync\'s server', attack: 'ssh vault "rsync --server --sender -logDtpr . $STORE" </dev/null', without: undefined},
])

const noTunnels = {rule: 'restrict on the key: no forwarding', at: 'authorized_keys: restrict'}
const noRestrict = {line: (command: string, key: string) => `command="${command}" ${key}`}
const listening = 'for i in $(seq 50); do (exec 3<>/dev/tcp/127.0.0.1/$P) 2>/dev/null && break; sleep 0.02; done'
const free = 'P=$(shuf -i 20000-30000 -n 1)'

const tunnels = rows({group: 'forwarding', defence: noTunnels, ends: [0, 1, 65, 124, 255], without: noRestrict}, [
  {name: '-W to a port of the host', attack: 'timeout 2 ssh -W 127.0.0.1:$PORT vault </dev/null', harm: said(/^SSH-2/)},
  {
    name: '-L to a port of the host', harm: said(/^SSH-2/),
    attack: `${free}; sleep 9 | timeout 2 ssh -L $P:127.0.0.1:$PORT vault 2>/dev/null & ${listening}; exec 3<>/dev/tcp/127.0.0.1/$P && timeout 1 head -c 5 <&3`,
  },
  {
    name: '-D through the host', harm: said(/^SSH-2/),
    attack: `${free}; sleep 9 | timeout 2 ssh -D $P vault 2>/dev/null & ${listening}; exec 3<>/dev/tcp/127.0.0.1/$P && printf "\\5\\1\\0\\5\\1\\0\\1\\177\\0\\0\\1\\x$(printf %04x $PORT | cut -c1-2)\\x$(printf %04x $PORT | cut -c3-4)" >&3 && timeout 1 head -c 17 <&3 | tail -c 5`,
  },
  {
    name: '-R from a port of the host', attack: 'ssh -o LogLevel=INFO -o ExitOnForwardFailure=yes -R 127.0.0.1:0:127.0.0.1:22 vault </dev/null',
    harm: ({stderr}) => /Allocated port/.test(stderr),
  },
  {
    name: '-R from a socket on the host', attack: 'ssh -o ExitOnForwardFailure=yes -R $LOOT.sock:127.0.0.1:22 vault </dev/null',
    harm: ({status}) => status !== 255,
  },
  {name: 'a tun device', attack: 'ssh -o ExitOnForwardFailure=yes -w any:any vault </dev/null', harm: ({status}) => status !== 255, without: undefined},
])

const desk = rows({group: 'terminal, agent, X11', defence: {rule: 'restrict on the key: no pty, no agent, no X11', at: 'authorized_keys: restrict'}, without: noRestrict, ends: [0, 1, 65, 255]}, [
  {name: 'a terminal', command: 'tty', attack: 'ssh -tt vault </dev/null', harm: said(/\/dev\/pts/)},
  {
    name: 'a terminal for receive', attack: 'ssh -tt vault </dev/null', harm: ({stderr, stdout}) => !/PTY allocation request failed/.test(stderr + stdout),
    without: undefined,
  },
  {
    name: 'an agent', command: 'printenv SSH_AUTH_SOCK', harm: said(/ssh/),
    attack: `ssh-agent sh -c 'ssh -A -o IdentityAgent=SSH_AUTH_SOCK -o IdentitiesOnly=yes vault </dev/null'`,
  },
  {name: 'X11', command: 'printenv DISPLAY', attack: 'DISPLAY=:9 timeout 5 ssh -Y vault </dev/null', harm: said(/:\d/), without: undefined},
])

const acceptsNothing = {rule: 'sshd takes no variable from the client unless its configuration says so', at: 'sshd_config: AcceptEnv'}
const acceptsAll = {sshd: ['AcceptEnv=*']}
const inject = `data:text/javascript,process.getBuiltinModule('node:fs').writeFileSync(process.env.LOOT,'')`

const environment = rows({group: 'environment', defence: acceptsNothing, harm: looted, without: acceptsAll}, [
  {
    name: 'NODE_OPTIONS, where sshd takes all', attack: `LOOT=$LOOT NODE_OPTIONS="--import=${inject}" ssh -o SendEnv=NODE_OPTIONS -o SendEnv=LOOT vault </dev/null`,
    sshd: ['AcceptEnv=*'], without: undefined, defence: {rule: 'nobody outside has options for node', at: 'bin/bk: unset NODE_OPTIONS'},
  },
  {
    name: 'BASH_ENV', command: 'bash -c true', attack: `BASH_ENV='$(touch "$LOOT")' ssh -o SendEnv=BASH_ENV -o SendEnv=LOOT vault </dev/null`, ends: [0],
    without: undefined,
  },
  {
    name: 'PATH', command: 'id', attack: 'printf "#!/bin/sh\\ntouch $LOOT\\n" >id; chmod 755 id; ssh -o SetEnv=PATH=$PWD vault </dev/null', ends: [0],
    sshd: ['AcceptEnv=*'], without: undefined, defence: {rule: 'sshd sets PATH itself', at: 'sshd'},
  },
  {name: 'LD_PRELOAD', command: 'printenv LD_PRELOAD', attack: 'ssh -o SetEnv=LD_PRELOAD=/tmp/evil.so vault </dev/null', harm: said(/evil/), ends: [1]},
  {name: 'BK_DEBUG', attack: 'ssh -o SetEnv=BK_DEBUG=1 vault </dev/null', harm: ({stderr}) => /\n *at /.test(stderr)},
  {name: 'HOME', command: 'printenv HOME', attack: 'ssh -o SetEnv=HOME=/tmp/evil vault </dev/null', harm: said(/evil/), ends: [0], without: undefined},
  {name: 'ENV', attack: `ENV='$(touch $LOOT)' ssh -o SendEnv=ENV -o SendEnv=LOOT vault </dev/null`, without: undefined},
  {
    name: 'TMPDIR and XDG_STATE_HOME, where sshd takes all',
    attack: 'ssh -o SetEnv="TMPDIR=$STORE XDG_STATE_HOME=$STORE XDG_CACHE_HOME=$STORE" vault </dev/null', sshd: ['AcceptEnv=*'],
    harm: ({grown}) => grown.length > 0, without: undefined,
    defence: {rule: 'receive keeps no state and leaves nothing but the store', at: 'src/commands/receive.ts: run'},
  },
  {
    name: 'LC_ALL and LANG, which Debian\'s sshd takes', attack: `ssh -o SetEnv='LC_ALL=../../../../tmp LANG="$(touch $LOOT)" LC_X=;touch' vault </dev/null`,
    sshd: ['AcceptEnv=LANG LC_*'], without: undefined, defence: {rule: 'no locale is asked', at: 'bin/bk: exec'},
  },
  {
    name: 'SSH_ORIGINAL_COMMAND set as a variable', attack: 'SSH_ORIGINAL_COMMAND="touch $LOOT" ssh -o SendEnv=SSH_ORIGINAL_COMMAND vault </dev/null',
    sshd: ['AcceptEnv=*'], without: undefined, defence: {rule: 'no word of the client goes to a shell', at: 'src/commands/receive.ts: run'},
  },
])

export const sshRows: readonly Row[] = [...shell, ...files, ...tunnels, ...desk, ...environment]
