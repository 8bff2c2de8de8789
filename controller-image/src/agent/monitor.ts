// What the kernel reports by itself, within 1 ms: links, rules, routes and Pod addresses in use by `ip monitor`; what goes
// from our tables by the kernel's own messages, which `socat` brings. It does not report everything (proxy neighbours, routes lost with
// a link that only goes down), and both programs can miss something, so whoever watches also looks from time to time.
import type { Commands } from "../fabric/commands";
import type { Clock, Log } from "../kube/api";
import { deletionsOfOurs, NFT_MONITOR } from "./nft-events";
import { GUEST_AGENT_PROTOCOL, KERNEL_PROTOCOL, LOCAL_TABLE, ROUTE_PROTOCOL, ROUTE_TABLE } from "./state";

export interface MonitorOptions {
  readonly uplink: string;
  readonly commands: Commands;
  readonly clock: Clock;
  readonly log: Log;
  /** Pod addresses and node addresses whose next hop matters. */
  readonly watched: () => readonly string[];
  readonly onEvent: (of: Monitored) => void;
}

/** What has reported something: of links, rules and routes, or of nftables. */
export type Monitored = "ip" | "nft";

/** Before a program that ended is started again. */
const RESTART_MS = 1000;
/** A program that was just started does not listen yet, and does not say when it does. */
const SETTLE_MS = 1000;

/** The default receive buffer loses a quarter of a burst of 20 000 events. */
const IP_MONITOR = ["ip", "-rcvbuf", "16777216", "-N", "-o", "monitor", "link", "route", "rule", "netconf", "label"];

export interface Monitor {
  /** Whether nothing can have changed without a call since the last one. */
  listening(): boolean;
  stop(): void;
}

/** Calls back when something may have changed. */
export function monitorKernel(options: MonitorOptions): Monitor {
  const monitors = [
    follow(options, IP_MONITOR, "ip", () => ofLines((line) => concernsRouting(line, options))),
    follow(options, NFT_MONITOR, "nft", deletionsOfOurs),
  ];
  return {
    listening: () => monitors.every((monitor) => monitor.listening()),
    stop: () => monitors.forEach((monitor) => monitor.stop()),
  };
}

/** In the kernel's own table: a `throw` of ours, what it is there for, and an address of the node. */
const AMONG_ITS_OWN = new RegExp(` table ${LOCAL_TABLE} proto (${ROUTE_PROTOCOL}|${GUEST_AGENT_PROTOCOL}) `);
const ADDRESS_OF_NODE = new RegExp(`\\](Deleted )?2 [\\d.]+ .* table ${LOCAL_TABLE} proto ${KERNEL_PROTOCOL} `);

/** On a node with many routes of others a look at each of their changes would cost a core. */
export function concernsRouting(
  line: string,
  { uplink, watched }: Pick<MonitorOptions, "uplink" | "watched">,
): boolean {
  if (line.includes("[NETCONF]")) return line.includes(`]inet ${uplink} `);
  if (!line.includes("[ROUTE]")) return true;
  return (
    line.includes(`table ${ROUTE_TABLE}`) ||
    AMONG_ITS_OWN.test(line) ||
    ADDRESS_OF_NODE.test(line) ||
    watched().some((ip) => line.includes(`${ip} `))
  );
}

/** Answers of each piece of text whether a line that ends in it concerns us. */
function ofLines(concerns: (line: string) => boolean): (piece: Buffer) => boolean {
  let rest = "";
  return (piece) => {
    const lines = (rest + piece.toString()).split("\n");
    rest = lines.pop() ?? "";
    return lines.some(concerns);
  };
}

function follow(
  { commands, clock, log, onEvent }: MonitorOptions,
  argv: readonly string[],
  name: Monitored,
  reader: () => (piece: Buffer) => boolean,
): Monitor {
  let stopped = false;
  let listening = false;
  let cancel = (): void => undefined;
  let end = (): void => undefined;
  const open = (): void => {
    const child = commands.start(argv);
    const concerns = reader();
    child.stdout.on("data", (piece: Buffer) => {
      if (concerns(piece)) onEvent(name);
    });
    // ENOBUFS and the like: something was missed.
    child.stderr.on("data", () => onEvent(name));
    child.onExit((why) => {
      listening = false;
      if (stopped) return;
      cancel();
      log("warn", `${name} monitor ended; it is started again`, { why });
      cancel = clock.after(RESTART_MS, () => {
        open();
        onEvent(name);
      });
    });
    end = () => child.kill();
    cancel = clock.after(SETTLE_MS, () => {
      listening = true;
      onEvent(name);
    });
  };
  open();
  return {
    listening: () => listening,
    stop: () => {
      stopped = true;
      listening = false;
      cancel();
      end();
    },
  };
}
