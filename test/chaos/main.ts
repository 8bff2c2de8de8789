// `npm run chaos`: random faults on a real lab, watched from outside; then everything must come to rest.
import { parseArgs } from "node:util";
import { now } from "../../bench/lab/child";
import { prepare } from "../../lab/prepare";
import { silent } from "../../lab/progress";
import { onLab } from "../../lab/start";
import { Random } from "../sim/random";
import { atRest } from "./at-rest";
import { agentsOn, type Fault } from "./fault";
import { drawFault } from "./faults";
import { Observer } from "./observer";
import { Setting } from "./setting";

const HELP = `npm run chaos -- [options]
  --minutes N    how long faults go on, in rounds, with a rest after each [5]
  --seed S       which faults; the times are the machine's own [a random one]
  --only TEXT    only faults whose name (test/chaos/faults*.ts) or description contains it, or one of several: a,b
  --failures N   stop after so many violations [1]
`;
const WHY_CHARACTERS = 160;
const ROUND_MS = 45_000;
const RESTORED_WITHIN_MS = 120_000;
/** After its agent runs again, or another one does, which a kubelet that has seen it end more often waits longer for. */
const AGENT_BACK_MS = 5_000;
const AGENT_POLL_MS = 500;

interface Lasting {
  readonly fault: Fault;
  readonly from: number;
  to: number;
}

class Chaos {
  /** By subject, with the times of the first and the last. */
  readonly #violations = new Map<string, { times: number; readonly first: number; last: number }>();
  events = 0;
  readonly #began = now();
  readonly #faults: Lasting[] = [];
  /** With the nodes whose agents must run when it is over. */
  readonly #unended: { readonly lasts: Lasting; readonly nodes: readonly string[] }[] = [];
  readonly #running = new Map<string, { readonly fault: Fault; over: Promise<void>; readonly stop: () => void }>();
  readonly observer: Observer;

  readonly tell = (text: string): void => {
    process.stdout.write(`${((now() - this.#began) / 1000).toFixed(3).padStart(9)} ${text}\n`);
  };
  /** Told once for each subject, which is mostly one of a thousand packets. */
  readonly violation = (subject: string, text: string): void => {
    const known = this.#violations.get(subject);
    this.#violations.set(subject, { times: (known?.times ?? 0) + 1, first: known?.first ?? now(), last: now() });
    if (known !== undefined) return;
    this.tell(`VIOLATION ${subject}: ${text}`);
  };

  get violations(): number {
    return this.#violations.size;
  }

  summary(): void {
    for (const [subject, { times, first, last }] of this.#violations) {
      this.tell(`${subject}: ${times} times within ${Math.round(last - first)} ms`);
    }
  }

  constructor(
    private readonly setting: Setting,
    private readonly random: Random,
    private readonly only: string,
  ) {
    const some = (from: number, to: number, holds: (fault: Fault) => boolean): boolean =>
      this.#faults.some((each) => each.from <= to && each.to >= from && holds(each.fault));
    this.observer = new Observer(setting.lab, {
      violation: this.violation,
      agentAway: (node, from, to) => some(from, to, ({ agentAway }) => agentAway?.includes(node) === true),
      isStranger: (name, at) => some(at, at, ({ stranger }) => stranger === name),
    });
  }

  /** One round: faults that overlap, then all of them end. */
  async round(ms: number, goOn: () => boolean): Promise<void> {
    const end = now() + ms;
    while (now() < end && goOn()) {
      const fault = drawFault(this.setting, this.random, this.only);
      const heavy = [...this.#running.values()].some((one) => one.fault.heavy);
      const seconds = this.random.next() * (fault.longestSeconds ?? 8);
      const pauseMs = this.random.pick([50, 300, 1000, 3000]) * this.random.next() * 2;
      if (!this.#running.has(fault.on) && !(heavy && fault.heavy)) this.#start(fault, seconds * 1000);
      await sleep(pauseMs);
    }
    for (const { stop } of this.#running.values()) stop();
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ over }) => over));
    const restore = (): Promise<true> => this.setting.restore().then(() => true);
    await this.setting.cluster.until("everything is put back", restore, RESTORED_WITHIN_MS);
    for (const { lasts, nodes } of this.#unended.splice(0))
      void this.#ends(lasts, new Map(nodes.map((node) => [node, ""])));
  }

  /** @param agents that are to be other processes by then, by node, as they were before */
  async #ends(lasts: Lasting, agents: ReadonlyMap<string, string>): Promise<void> {
    const isAnew = ([node, pids]: readonly [string, string]): boolean => pids !== "" && pids !== agents.get(node);
    while (![...(await agentsOn(this.setting, [...agents.keys()]))].every(isAnew)) await sleep(AGENT_POLL_MS);
    lasts.to = now() + AGENT_BACK_MS;
  }

  #start(fault: Fault, ms: number): void {
    this.events++;
    let stop = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      stop = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    const from = now();
    const anew = fault.end === undefined || fault.agentAnew === true;
    const live = async (): Promise<void> => {
      const agents = await agentsOn(this.setting, (anew ? fault.agentAway : undefined) ?? []);
      const lasts = { fault, from, to: Infinity };
      this.#faults.push(lasts);
      this.tell(fault.what);
      const began = await this.#attempt(fault.what, fault.begin);
      let over = began;
      if (fault.end !== undefined) {
        await ended;
        if (began) this.tell(`over: ${fault.what}`);
        over = await this.#attempt(`over: ${fault.what}`, fault.end);
      }
      // What did not succeed lasts until everything is put back.
      if (over) void this.#ends(lasts, agents);
      else this.#unended.push({ lasts, nodes: [...agents.keys()] });
      this.#running.delete(fault.on);
    };
    this.#running.set(fault.on, { fault, stop, over: live() });
  }

  async #attempt(what: string, act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      const why = (error instanceof Error ? error.message : String(error)).trim().split("\n").at(-1) ?? "";
      this.tell(`did not succeed: ${what}: ${why.slice(-WHY_CHARACTERS)}`);
      return false;
    }
  }
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string", default: "5" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
      only: { type: "string", default: "" },
      failures: { type: "string", default: "1" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [minutes, seed, failures] = [Number(values.minutes), Number(values.seed), Number(values.failures)];
  if (!(minutes > 0)) throw new Error(`--minutes: got "${values.minutes}"; it must be a number above 0`);
  if (!Number.isSafeInteger(seed)) throw new Error(`--seed: got "${values.seed}"; it must be a whole number`);
  process.stdout.write(`seed ${seed}\n`);
  const prepared = await prepare("lab", silent);
  return onLab(prepared, silent, async (lab) => {
    const setting = new Setting(lab, prepared);
    await setting.install();
    const chaos = new Chaos(setting, new Random(seed), values.only);
    chaos.observer.start();
    try {
      const goOn = (): boolean => chaos.violations < failures;
      await atRest(setting, chaos);
      chaos.observer.judgedFrom = now();
      const end = now() + minutes * 60_000;
      while (now() < end && goOn()) {
        await chaos.round(Math.min(ROUND_MS, end - now()), goOn);
        if (goOn()) await atRest(setting, chaos);
      }
    } finally {
      chaos.observer.stop();
    }
    const { events, violations, observer } = chaos;
    chaos.summary();
    chaos.tell(`seed ${seed}: ${events} faults, ${violations} violations; seen: ${JSON.stringify(observer.counts)}`);
    return violations > 0 ? 1 : 0;
  });
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
