// Looks into network namespaces of Pods and changes them. With `nsenter`, which needs SYS_ADMIN and nothing else: `ip -n`
// would also mount, which the profiles of container runtimes forbid.
import { asLines, type Commands, IP_CHANGES, IP_QUESTIONS } from "../fabric/commands";
import { errorText } from "../kube/log";
import { INSIDE_LINES, parseInside, type PodChange, type PodLook } from "./inside";
import { failedLines } from "./iproute";
import { setArpAnnounce } from "./rtnetlink";

export interface PodNamespaces {
  /**
   * @param wanted name of the namespace by Pod address; nothing where the node does not know it
   * @param fresh the Pods of which what was seen before does not count
   */
  look(
    wanted: ReadonlyMap<string, string | undefined>,
    fresh: "all" | readonly string[],
  ): Promise<Map<string, PodLook>>;
  /** Answers why a change was refused. */
  change(change: PodChange): Promise<string | undefined>;
}

/** A look takes 5 ms of a processor. */
const PARALLEL = 4;
const ARP_ANNOUNCE = 2;
/** AF_NETLINK, SOCK_RAW, NETLINK_ROUTE; to the kernel. */
const NETLINK = "SOCKET-SENDTO:16:3:0:x00000000000000000000";
/** Sends its input to the kernel and says what became of the setting. */
const SET_AND_SHOW = `socat -u STDIN ${NETLINK} && cat "/proc/sys/net/ipv4/conf/$0/arp_announce"`;

/** A namespace that went with its Pod took the address along: no name any more, or a name without a namespace behind it. */
const GONE = /No such file|Invalid argument/;

export function podNamespaces(folder: string, commands: Commands): PodNamespaces {
  const enter = (namespace: string): string[] => ["nsenter", `--net=${folder}/${namespace}`];
  const seen = new Map<string, { readonly namespace: string; readonly look: PodLook }>();

  /** Whatever goes wrong in one Pod concerns that Pod. */
  const lookInto = async (podIp: string, namespace: string): Promise<PodLook> => {
    const argv = [...enter(namespace), ...IP_QUESTIONS];
    try {
      const { code, stdout, stderr } = await commands.run(argv, asLines(INSIDE_LINES));
      if (code !== 0 && stdout === "") return { problem: `network namespace ${namespace}: ${firstLine(stderr)}` };
      return parseInside(podIp, namespace, stdout, stderr);
    } catch (error) {
      return { problem: `network namespace ${namespace}: ${errorText(error)}` };
    }
  };

  /** Answers why it was refused. */
  const carryOut = async ({ namespace, device, ifindex, lines: changes }: PodChange): Promise<string | undefined> => {
    const entering = ifindex !== undefined;
    if (entering) {
      const message = setArpAnnounce(ifindex, ARP_ANNOUNCE);
      const { stdout, stderr } = await commands.run([...enter(namespace), "sh", "-c", SET_AND_SHOW, device], message);
      if (stdout.trim() !== String(ARP_ANNOUNCE)) return `arp_announce of ${device}: ${firstLine(stderr)}`;
    }
    const { stderr } = await commands.run([...enter(namespace), ...IP_CHANGES], asLines(changes));
    if (stderr.startsWith("nsenter: ")) return !entering && GONE.test(stderr) ? undefined : firstLine(stderr);
    for (const [number, why] of failedLines(stderr)) {
      const line = changes[number - 1] ?? "";
      if (/^\w+ del /.test(line) && /No such|Cannot assign|Cannot find/.test(why)) continue;
      if (line.startsWith("rule add ") && why.includes("File exists")) continue;
      return `ip ${line}: ${why}`;
    }
    return undefined;
  };

  return {
    look: async (wanted, fresh) => {
      const looks = new Map<string, PodLook>();
      const queue = [...wanted];
      const worker = async (): Promise<void> => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          const [podIp, namespace] = next;
          const known = seen.get(podIp);
          if (namespace === undefined) {
            looks.set(podIp, { problem: `no network namespace in ${folder} belongs to the Pod's address ${podIp}` });
          } else if (fresh !== "all" && !fresh.includes(podIp) && known?.namespace === namespace)
            looks.set(podIp, known.look);
          else looks.set(podIp, await lookInto(podIp, namespace));
        }
      };
      await Promise.all(Array.from({ length: PARALLEL }, worker));
      seen.clear();
      for (const [podIp, look] of looks) {
        // What did not succeed is looked at again.
        if (!("problem" in look)) seen.set(podIp, { namespace: look.namespace, look });
      }
      return looks;
    },
    change: async (change) => {
      for (const [podIp, known] of seen) if (known.namespace === change.namespace) seen.delete(podIp);
      const why = await carryOut(change).catch(errorText);
      return why === undefined ? undefined : `${why} (network namespace ${change.namespace})`;
    },
  };
}

const firstLine = (text: string): string => text.trim().split("\n")[0] || "no reason was given";
