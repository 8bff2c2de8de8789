// `ip` and `nft` kept open, in a network namespace of their own.
import { commands, type Commands, IP_QUESTIONS } from "../../controller-image/src/fabric/commands";
import { withSessions } from "../../controller-image/src/fabric/sessions";
import { command } from "../../lab/parts/command";

const NAMESPACE = `pp-sessions-${process.pid}`;
const LIST = ["nft", "-j", "list", "table", "ip", "zz"];

let plain: Commands;
let open: ReturnType<typeof withSessions>;

beforeAll(async () => {
  await command(["ip", "netns", "add", NAMESPACE]);
  plain = commands(["ip", "netns", "exec", NAMESPACE]);
});
beforeEach(() => {
  open = withSessions(plain);
});
afterEach(() => open.close());
afterAll(() => command(["ip", "netns", "delete", NAMESPACE]));

const ip = (using: Commands, ...lines: string[]) => using.run(IP_QUESTIONS, `${lines.join("\n")}\n`);
const nft = (using: Commands, ...lines: string[]) => using.run(["nft", "-f", "-"], `${lines.join("\n")}\n`);

test("questions and refusals of ip are answered as by a program of their own, again and again", async () => {
  const asked = [
    "rule show",
    "route show table 7421",
    "route get 192.0.2.1",
    "link show",
    "netns list-id",
    "neigh show proxy",
  ];
  const alone = await ip(plain, ...asked);
  for (let round = 0; round < 3; round++) {
    const kept = await ip(open, ...asked);
    expect({ ...kept, code: kept.code !== 0 }).toEqual({ ...alone, code: alone.code !== 0 });
    expect(kept.stderr).toMatch(/^Command failed -:3$/m);
  }
});

test("changes of ip are carried out, and each refused line is named by its own number", async () => {
  const result = await ip(open, "link add d0 type bridge", "link set nowhere up", "link set d0 up");
  expect(result.code).not.toBe(0);
  expect(result.stdout).toBe("");
  expect(result.stderr.match(/^Command failed -:(\d+)$/gm)).toEqual(["Command failed -:2"]);
  const [link] = JSON.parse((await ip(open, "link show dev d0")).stdout) as { flags: string[] }[];
  expect(link?.flags).toContain("UP");
});

test("a refusal that ends ip in spite of -force fails that request, and the next one is answered", async () => {
  await expect(ip(open, "neigh del proxy 198.51.100.9 dev lo")).rejects.toThrow(/No such file or directory/);
  expect((await ip(open, "rule show")).code).toBe(0);
});

test("a transaction of nft is carried out as a whole or not at all", async () => {
  expect((await open.run(LIST)).stderr).toMatch(/No such file or directory/);
  expect(await nft(open, "add table ip zz", "add set ip zz s { type ipv4_addr; }")).toMatchObject({
    code: 0,
    stderr: "",
  });
  expect((await nft(open, "add element ip zz s { 192.0.2.1 }", "add element ip zz none { 192.0.2.2 }")).code).not.toBe(
    0,
  );
  expect((await open.run(LIST)).stdout).not.toContain("192.0.2.1");
  expect((await nft(open, "add element ip zz s { 192.0.2.1 }", "add element ip zz s { 192.0.2.2 }")).code).toBe(0);
  const kept = await open.run(LIST);
  expect(JSON.parse(kept.stdout)).toEqual(JSON.parse((await plain.run(LIST)).stdout));
  expect(kept.stdout).toContain("192.0.2.2");
});

test("what others change in the meantime is seen", async () => {
  await nft(open, "add table ip zz", "add set ip zz s { type ipv4_addr; }");
  await nft(plain, "add element ip zz s { 192.0.2.77 }");
  expect((await open.run(LIST)).stdout).toContain("192.0.2.77");
  await nft(plain, "delete table ip zz");
  expect((await open.run(LIST)).code).not.toBe(0);
});

test("a program that is killed is started again by the next request", async () => {
  await ip(open, "rule show");
  await command(["sh", "-c", `ip netns pids ${NAMESPACE} | xargs kill -9`]);
  const next = async (): Promise<number> => (await ip(open, "rule show")).code;
  // The request may find the dead program before its end is known here; the one after it does not.
  expect(await next().catch(next)).toBe(0);
});

test("an interface that is renamed has its new name in a session that was renewed, also while something is asked", async () => {
  await ip(open, "link add old type bridge", "link set old up", "route add 203.0.113.8/32 dev old");
  const device = async (): Promise<unknown> => {
    const { stdout } = await ip(open, "route get 203.0.113.8");
    return (JSON.parse(stdout) as { dev: string }[])[0]?.dev;
  };
  expect(await device()).toBe("old");
  await ip(plain, "link set old down", "link set old name new", "link set new up", "route add 203.0.113.8/32 dev new");
  const asked = device();
  open.renew?.();
  await asked;
  expect(await device()).toBe("new");
});

test("requests that come at once are answered in their order", async () => {
  const tables = Array.from({ length: 50 }, (_, index) => String(8000 + index));
  await ip(
    open,
    "link add d1 type bridge",
    "link set d1 up",
    ...tables.map((t) => `route add 203.0.113.9/32 dev d1 table ${t}`),
  );
  const answers = await Promise.all(tables.map((table) => ip(open, `route show table ${table}`)));
  expect(answers.map(({ stdout }) => (JSON.parse(stdout) as unknown[]).length)).toEqual(tables.map(() => 1));
});
