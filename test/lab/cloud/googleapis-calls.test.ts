// Every call of Google's own client against the routes of the stand-in, which come from the descriptors of another package: two
// descriptions of one API, of which nobody here wrote either. Nothing is served; what the client would send is looked at.
import { compute_v1 } from "@googleapis/compute/build/v1";
import { Routes } from "../../../lab/cloud/routes";
import { computeSchema } from "../../../lab/cloud/schema";

// Google's schema is 12 MB of text.
jest.setTimeout(300_000);

const schema = computeSchema();
const routes = new Routes(schema);

type Calls = Readonly<Record<string, Readonly<Record<string, (params: object) => Promise<unknown>>>>>;

/** The services of a client, each with its calls; whatever is called goes no further than `sent`. */
function clientOf(sent: (verb: string, path: string) => void): Calls {
  const fetchImplementation = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    sent(init?.method ?? "GET", new URL(input instanceof Request ? input.url : input).pathname);
    return new Response("{}", { headers: { "content-type": "application/json" } });
  };
  return new compute_v1.Compute({ retry: false, fetchImplementation }) as unknown as Calls;
}

test("whatever Google's client calls is the call of that name here", async () => {
  let last = "";
  const client = clientOf((verb, path) => (last = routes.find(verb, path)?.method.id ?? `no call is ${verb} ${path}`));
  const others: string[] = [];
  for (const { id, template, query } of schema.methods) {
    const [service = "", call = ""] = id.split(".");
    const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) =>
      name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    );
    last = "nothing was sent";
    // It refuses a call that lacks something.
    const params = Object.fromEntries([...names, ...query.keys()].map((name) => [name, "x"]));
    await client[service]?.[call]?.(params).catch((error: unknown) => (last = String(error)));
    if (last !== id) others.push(`${id}: ${last}`);
  }
  expect(others).toEqual([]);
  expect(schema.methods.length).toBeGreaterThan(150);
});

test("the stand-in's services have every call that Google's client has", () => {
  const client = clientOf(() => undefined);
  const known = new Set(schema.methods.map(({ id }) => id));
  const services = [...new Set(schema.methods.map(({ id }) => id.split(".")[0] ?? ""))];
  const missing = services.flatMap((service) =>
    Object.getOwnPropertyNames(Object.getPrototypeOf(client[service]))
      .filter((call) => call !== "constructor")
      .map((call) => `${service}.${call}`)
      .filter((id) => !known.has(id)),
  );
  expect(missing).toEqual([]);
});
