import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'

const PROGRAMS = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'srun', 'squeue', 'scontrol', 'scancel']

/** Why there can be no cluster here; undefined where there can. Where `SLURM_TESTS=required`, that is an error. */
export function noSlurm(): string | undefined {
  const missing = PROGRAMS.filter(
    (name) => spawnSync('sh', ['-c', `command -v ${name}`], { env: withSbin() }).status !== 0,
  )
  if (missing.length === 0) return undefined
  const reason = `Slurm is not installed (no ${missing.join(', ')}); with Debian: apt-get install slurm-wlm munge`
  if (process.env['SLURM_TESTS'] === 'required') throw new Error(reason)
  return reason
}

function withSbin(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
}

export interface Cluster {
  readonly folder: string
  /** Runs a command of Slurm. @returns its stdout */
  readonly run: (command: string, ...args: readonly string[]) => string
  stop(): Promise<void>
}

/**
 * Starts a cluster of one node with a key, ports and a folder of its own, without accounts and cgroups: partitions `main`, whose jobs go back into
 * the queue within seconds when one of `urgent` needs their place, and `small`, where a job may run for a minute. Sets SLURM_CONF.
 * @param cpus how many the node is said to have
 */
export async function startCluster({ cpus = 4, maxArraySize = 5 } = {}): Promise<Cluster> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'slurm-'))
  // The daemon of munge refuses a socket that others cannot reach, and a key that they can.
  fs.chmodSync(folder, 0o755)
  const at = (name: string) => path.join(folder, name)
  for (const name of ['state', 'spool']) fs.mkdirSync(at(name))
  fs.writeFileSync(at('munge.key'), randomBytes(64), { mode: 0o400 })
  fs.writeFileSync(at('slurm.conf'), configuration(folder, await freePorts(2), { cpus, maxArraySize }))
  const env = { ...withSbin(), SLURM_CONF: at('slurm.conf') }
  const processes: ChildProcess[] = []
  const start = (command: string, ...args: readonly string[]) => {
    const log = fs.openSync(at(`${command}.out`), 'a')
    processes.push(spawn(command, args, { env, stdio: ['ignore', log, log] }))
    fs.closeSync(log)
  }
  const run = (command: string, ...args: readonly string[]) =>
    execFileSync(command, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const stop = async () => {
    try {
      run('scancel', `--user=${os.userInfo().username}`)
      run('scancel', '--signal=KILL', '--full', `--user=${os.userInfo().username}`)
    } catch {
      // It may never have come up.
    }
    await waitUntil(() => run('squeue', '--noheader').trim() === '', 10).catch(() => undefined)
    for (const child of processes.reverse()) {
      child.kill('SIGTERM')
      await Promise.race([new Promise((resolve) => child.once('exit', resolve)), setTimeout(5000)])
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    }
    delete process.env['SLURM_CONF']
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    start(
      'munged',
      '--foreground',
      `--key-file=${at('munge.key')}`,
      `--socket=${at('munge.sock')}`,
      `--pid-file=${at('munged.pid')}`,
      `--log-file=${at('munged.log')}`,
      `--seed-file=${at('munged.seed')}`,
    )
    await waitUntil(() => fs.existsSync(at('munge.sock')), 10)
    start('slurmctld', '-D', '-c', '-f', at('slurm.conf'))
    start('slurmd', '-D', '-N', 'n1', '-f', at('slurm.conf'))
    await waitUntil(() => run('sinfo', '--noheader', '--format=%T', '--nodes=n1').startsWith('idle'), 30)
  } catch (error) {
    const said = fs
      .readdirSync(folder)
      .filter((name) => /\.(out|log)$/.test(name))
      .map((name) => `${name}: ${fs.readFileSync(at(name), 'utf8').slice(-1000)}`)
    await stop()
    throw new Error(`the cluster does not start: ${String(error)}\n${said.join('\n')}`, { cause: error })
  }
  process.env['SLURM_CONF'] = at('slurm.conf')
  return { folder, run, stop }
}

function configuration(
  folder: string,
  [controller = 0, node = 0]: readonly number[],
  { cpus, maxArraySize }: { readonly cpus: number; readonly maxArraySize: number },
): string {
  const user = os.userInfo().username
  const host = os.hostname().split('.')[0] as string
  return `ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controller}
SlurmdPort=${node}
SlurmUser=${user}
SlurmdUser=${user}
SlurmdParameters=config_overrides
AuthType=auth/munge
CredType=cred/munge
# A job that was put back waits for this long.
AuthInfo=socket=${folder}/munge.sock,cred_expire=5
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
SlurmctldLogFile=${folder}/slurmctld.log
SlurmdLogFile=${folder}/slurmd.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
# Kills what takes more memory than it asked for, as cgroups would.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
JobCompType=jobcomp/none
JobRequeue=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=0,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=2
MaxArraySize=${maxArraySize}
DefMemPerCPU=400
ReturnToService=2
NodeName=n1 NodeHostname=${host} NodeAddr=127.0.0.1 CPUs=${cpus} RealMemory=${400 * cpus} State=UNKNOWN
PartitionName=main Nodes=n1 Default=YES PriorityTier=1 GraceTime=20 MaxTime=INFINITE State=UP
PartitionName=small Nodes=n1 PriorityTier=1 PreemptMode=OFF MaxTime=1 State=UP
PartitionName=urgent Nodes=n1 PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE State=UP
`
}

/** Held all at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<net.Server>((resolve, reject) => {
          const server = net.createServer().once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** @throws Error where it does not come true within so many seconds */
export async function waitUntil(condition: () => boolean, seconds: number): Promise<void> {
  const end = performance.now() + 1000 * seconds
  let problem: unknown
  for (;;) {
    try {
      if (condition()) return
    } catch (error) {
      problem = error
    }
    if (performance.now() > end)
      throw new Error(`it did not come true within ${seconds} s: ${String(condition)}`, { cause: problem })
    await setTimeout(100)
  }
}
