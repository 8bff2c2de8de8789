// The stand-in on a socket: what a plain client of HTTP sees of tokens and of connections that get no answer.
import { systemClock } from "../../../controller-image/src/kube/clock";
import { ComputeCloud, MetadataServer, serveCompute, type ComputeServer } from "../../../lab/cloud";
import { VirtualClock } from "../../support/virtual-clock";

let cloud: ComputeCloud;
let server: ComputeServer;
let metadata: MetadataServer;
const tokens = new VirtualClock();

beforeAll(async () => {
  cloud = new ComputeCloud({ clock: systemClock });
  metadata = new MetadataServer(cloud, tokens, { tokenSeconds: 600 });
  server = await serveCompute(cloud, { metadata });
});
afterEach(() => {
  cloud.faults.clear();
  expect(server.mistakes).toEqual([]);
});
afterAll(() => server.close());

const FLAVOUR = { "metadata-flavor": "Google" };
const TOKEN = "computeMetadata/v1/instance/service-accounts/default/token";
const ADDRESSES = "compute/v1/projects/demo/regions/us-central1/addresses";

async function token(): Promise<{ access_token: string; expires_in: number }> {
  const answer = await fetch(server.url + TOKEN, { headers: FLAVOUR });
  expect(answer.headers.get("metadata-flavor")).toBe("Google");
  return (await answer.json()) as { access_token: string; expires_in: number };
}

const status = async (bearer: string): Promise<number> =>
  (await fetch(server.url + ADDRESSES, { headers: { authorization: `Bearer ${bearer}` } })).status;

test("a VM's token lets calls in until its time is over, or it is taken back", async () => {
  const first = await token();
  expect(first.expires_in).toBe(600);
  expect(await status(first.access_token)).toBe(200);
  expect(await status("made-up")).toBe(401);
  tokens.advance(599_000);
  expect(await token()).toEqual({ ...first, expires_in: 1 });
  tokens.advance(1000);
  expect(await status(first.access_token)).toBe(401);
  const second = await token();
  expect(await status(second.access_token)).toBe(200);
  metadata.expire();
  expect(await status(second.access_token)).toBe(401);
});

test.each([
  ["project/project-id", 200, "demo"],
  ["universe/universe-domain", 200, "googleapis.com"],
  ["instance/service-accounts/default/email", 200, "controller@demo.iam.gserviceaccount.com"],
  ["instance/hostname", 404, "not found"],
])("the metadata server says %s: %i %s", async (path, code, text) => {
  const answer = await fetch(`${server.url}computeMetadata/v1/${path}`, { headers: FLAVOUR });
  expect([answer.status, await answer.text()]).toEqual([code, text]);
});

test("the metadata server answers nobody who does not name its flavour", async () => {
  expect((await fetch(server.url + TOKEN)).status).toBe(403);
});

test("a call without an answer ends when its caller gives it up", async () => {
  const { access_token: bearer } = await token();
  cloud.faults.add({ calls: "addresses.list", hang: true });
  const given = new AbortController();
  const hung = fetch(server.url + ADDRESSES, {
    headers: { authorization: `Bearer ${bearer}` },
    signal: given.signal,
  }).catch((error: Error) => error.name);
  const before = cloud.calls.log.length;
  while (cloud.calls.log.length === before) await new Promise((resolve) => setImmediate(resolve));
  given.abort();
  expect(await hung).toBe("AbortError");
  expect(cloud.calls.log.at(-1)).not.toHaveProperty("status");
});
