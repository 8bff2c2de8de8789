// What a look at a node asks for where others have much.
import { linuxKernel } from "../../controller-image/src/agent/kernel";
import { commands, type Commands } from "../../controller-image/src/fabric/commands";
import { withSessions } from "../../controller-image/src/fabric/sessions";
import type { Clock } from "../../controller-image/src/kube/api";
import { systemClock } from "../../controller-image/src/kube/clock";
import { CniStyle } from "./cni";
import { eventually } from "./eventually";
import { Segment, type TestPod, UPLINK } from "./segment";

jest.setTimeout(120_000);

/** In everything of others that no look needs. */
const OTHERS = "172.29";
const MANY = Array.from({ length: 200 }, (_, index) => `${OTHERS}.0.${index + 1}`);

let segment: Segment;
let pods: readonly TestPod[];
let open: ReturnType<typeof withSessions>;
let asked: { readonly argv: string; readonly input: string; readonly said: string }[];
let recorded: Commands;

beforeAll(() => {
  segment = new Segment();
  pods = [segment.addPod("n1", "poda", "10.244.1.11"), segment.addPod("n1", "podb", "10.244.1.140", CniStyle.Bridge)];
  const lines = MANY.flatMap((ip, index) => [
    `route add ${ip}/32 dev ${UPLINK}`,
    `route add ${ip}/32 dev ${UPLINK} table ${2000 + index}`,
    `rule add pref ${1000 + index} from ${ip} lookup ${2000 + index}`,
    `neigh add ${ip} lladdr 02:00:00:00:02:00 dev ${UPLINK} nud permanent`,
  ]);
  segment.sh("n1", [`ip -batch - <<'END'\n${lines.join("\n")}\nEND`]);
  const rules = MANY.map((ip) => `add rule ip others c ip saddr ${ip} drop`);
  segment.sh("n1", [`nft -f - <<'END'\nadd table ip others\nadd chain ip others c\n${rules.join("\n")}\nEND`]);
});
afterAll(() => segment.close());

beforeEach(() => {
  asked = [];
  open = withSessions(commands(segment.prefix("n1")));
  recorded = {
    ...open,
    run: async (argv, input = "") => {
      const result = await open.run(argv, input);
      asked.push({ argv: argv.join(" "), input: input.toString(), said: result.stdout });
      return result;
    },
  };
});
afterEach(() => open.close());

/** On which every look is slow. */
const slow = (): Clock => {
  let now = 0;
  return { ...systemClock, now: () => (now += 1000) };
};
const isOfRoutes = ({ input }: (typeof asked)[number]): boolean => input.includes("route show");

const kernelWith = (clock: Clock) =>
  linuxKernel({ uplink: UPLINK, commands: recorded, clock, log: () => undefined, namespaces: "/run/netns" });
const ips = (): string[] => pods.map(({ ip }) => ip);
const wanted = { pods: [], fresh: true };

test("a node that is only slow starts no process for its few routes", async () => {
  const kernel = kernelWith(slow());
  await kernel.observe(ips(), wanted);
  asked.splice(0);
  await kernel.observe(ips(), wanted);
  expect(asked.some(isOfRoutes)).toBe(true);
  expect(asked.some(({ argv }) => argv.includes("route show"))).toBe(false);
});

test("nothing of others is read but interfaces, whichever way the routes are asked for", async () => {
  const more = `{ print "route add ${OTHERS}." 16 + int($1 / 256) "." $1 % 256 "/32 dev ${UPLINK}" }`;
  segment.sh("n1", [`seq 0 4999 | awk '${more}' | ip -batch -`]);
  const kernel = kernelWith(slow());
  const first = await kernel.observe(ips(), wanted);
  const batched = asked.splice(0);
  const second = await kernel.observe(ips(), wanted);
  expect(second).toEqual(first);
  expect(first.hops.get(pods[1]!.ip)).toMatchObject({ kind: "bridge", port: pods[1]!.veth });
  for (const { argv, input, said } of [...batched, ...asked]) {
    expect([argv, input, said.includes(OTHERS)]).toEqual([argv, input, false]);
  }
  expect([batched.some(isOfRoutes), asked.some(isOfRoutes)]).toEqual([true, false]);
  // Of these the kernel itself leaves out what is in other tables.
  expect(
    asked
      .filter(({ argv }) => argv.includes(" route show "))
      .map(({ argv }) => argv)
      .sort(),
  ).toEqual(["ip -4 -d -N -j route show table 255", "ip -4 -d -N -j route show table 7421"]);
});

test("the chain FORWARD is read anew when something went from it, not with each link of others", async () => {
  const kernel = kernelWith(systemClock);
  segment.sh("n1", [
    "nft add table ip filter",
    "nft add chain ip filter FORWARD",
    "nft add rule ip filter FORWARD drop",
  ]);
  const readings = (): number => asked.filter(({ argv }) => argv.includes("chain ip filter FORWARD")).length;
  let events = 0;
  const cancel = kernel.watch(() => events++);
  try {
    // Both programs are heard.
    await eventually(() => expect(events).toBeGreaterThanOrEqual(2));
    const looking = async (): Promise<number> => {
      await kernel.observe(ips());
      return readings();
    };
    const before = await looking();
    const heard = events;
    segment.sh("n1", ["ip link add other0 type bridge", "ip link del other0"]);
    await eventually(() => expect(events).toBeGreaterThan(heard));
    expect(await looking()).toBe(before);
    segment.sh("n1", ["nft flush chain ip filter FORWARD"]);
    await eventually(async () => expect(await looking()).toBeGreaterThan(before));
  } finally {
    cancel();
    segment.sh("n1", ["nft delete table ip filter"]);
  }
});
