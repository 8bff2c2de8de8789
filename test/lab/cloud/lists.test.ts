// Lists: what a filter keeps, how pages follow each other, in which order.
import { R, addresses, world, type World } from "./support";

let one: World;
beforeAll(() => {
  one = world();
  for (const [name, labels, tier] of [
    ["ipr-a", { team: "amf" }, "PREMIUM"],
    ["ipr-b", { team: "smf" }, "PREMIUM"],
    ["ipr-c", undefined, "STANDARD"],
    ["web", { team: "amf" }, "STANDARD"],
  ] as const) {
    one.cloud.make(R, "addresses", { name, labels, networkTier: tier });
    one.clock.advance(1000);
  }
});

async function names(query: Record<string, string>): Promise<readonly string[]> {
  const { status, body } = await one.call("GET", addresses, undefined, query);
  expect(status).toBe(200);
  return ((body["items"] ?? []) as unknown as readonly { name: string }[]).map(({ name }) => name);
}

test.each([
  ["name = ipr-a", ["ipr-a"]],
  ['name="ipr-a"', ["ipr-a"]],
  ['name eq "ipr-[ab]"', ["ipr-a", "ipr-b"]],
  ["name eq ipr", []],
  ["name ne ipr-.*", ["web"]],
  ["name:ipr-*", ["ipr-a", "ipr-b", "ipr-c"]],
  ["name:pr", ["ipr-a", "ipr-b", "ipr-c"]],
  ["name != web", ["ipr-a", "ipr-b", "ipr-c"]],
  ["labels.team:*", ["ipr-a", "ipr-b", "web"]],
  ["labels.team = amf", ["ipr-a", "web"]],
  ["(labels.team = amf) (name:ipr-*)", ["ipr-a"]],
  ["labels.team = smf OR name = web AND networkTier = STANDARD", ["ipr-b", "web"]],
  ["(labels.team = smf OR name = web) AND networkTier = PREMIUM", ["ipr-b"]],
  ["nothing = here", []],
])("the filter %s keeps %p", async (filter, kept) => {
  expect(await names({ filter })).toEqual(kept);
});

test.each(["name", "name =", "= web", "name ~ web", "(name = web", "name = web)", "name eq ("])(
  "the filter %s is refused",
  async (filter) => {
    expect(await one.call("GET", addresses, undefined, { filter })).toMatchObject({
      status: 400,
      body: {
        error: { message: `Invalid value for field 'filter': '${filter}'. Invalid list filter expression.` },
      },
    });
  },
);

test("pages follow each other, also when the last one of a page is gone by then", async () => {
  const first = await one.call("GET", addresses, undefined, { maxResults: "2" });
  expect(first.body).toMatchObject({ items: [{ name: "ipr-a" }, { name: "ipr-b" }] });
  const pageToken = String(first.body["nextPageToken"]);
  const second = await one.call("GET", addresses, undefined, { maxResults: "2", pageToken });
  expect(second.body).toMatchObject({ items: [{ name: "ipr-c" }, { name: "web" }] });
  expect(second.body).not.toHaveProperty("nextPageToken");

  const { cloud, call, done } = world();
  for (const name of ["a", "b", "c"]) cloud.make(R, "addresses", { name });
  const { nextPageToken } = (await call("GET", addresses, undefined, { maxResults: "2" })).body;
  await done("DELETE", `${addresses}/b`);
  const after = await call("GET", addresses, undefined, { pageToken: String(nextPageToken) });
  expect(after.body).toMatchObject({ items: [{ name: "c" }] });
});

test("pages of every scope at once hold so many resources, whatever their scopes are", async () => {
  const { cloud, call } = world({ regions: { "us-central1": ["a"], "us-east1": ["b"] } });
  for (const region of ["us-central1", "us-east1"]) {
    for (const name of ["a", "b"]) cloud.make(`regions/${region}`, "addresses", { name });
  }
  const found: string[] = [];
  let pageToken = "";
  do {
    const query: Record<string, string> = { maxResults: "3", ...(pageToken === "" ? {} : { pageToken }) };
    const { body } = await call("GET", "aggregated/addresses", undefined, query);
    const items = body["items"] as unknown as Record<string, { addresses?: readonly { name: string }[] }>;
    expect(Object.keys(items)).toEqual(["global", "regions/us-central1", "regions/us-east1"]);
    for (const [scope, list] of Object.entries(items)) {
      for (const { name } of list.addresses ?? []) found.push(`${scope}/${name}`);
    }
    pageToken = String(body["nextPageToken"] ?? "");
  } while (pageToken !== "");
  expect(found).toEqual(["regions/us-central1/a", "regions/us-central1/b", "regions/us-east1/a", "regions/us-east1/b"]);
});

test("the newest come first when they are asked for so", async () => {
  expect(await names({ orderBy: "creationTimestamp desc" })).toEqual(["web", "ipr-c", "ipr-b", "ipr-a"]);
});

test("pages by time follow each other, also when the last one of a page is gone by then", async () => {
  const { cloud, call, clock, done } = world();
  for (const name of ["b", "c", "a", "d"]) {
    cloud.make(R, "addresses", { name });
    clock.advance(1000);
  }
  const query = { orderBy: "creationTimestamp desc", maxResults: "2" };
  const first = await call("GET", addresses, undefined, query);
  expect(first.body).toMatchObject({ items: [{ name: "d" }, { name: "a" }] });
  await done("DELETE", `${addresses}/a`);
  const pageToken = String(first.body["nextPageToken"]);
  const second = await call("GET", addresses, undefined, { ...query, pageToken });
  expect(second.body["items"]).toMatchObject([{ name: "c" }, { name: "b" }]);
});

const PLACE = `projects/demo/${addresses}`;
test.each([
  ["id", { id: PLACE }],
  ["id,items/name", { id: PLACE, items: [{ name: "web" }] }],
  ["items(name, labels)", { items: [{ name: "web", labels: { team: "amf" } }] }],
  ["items/labels/team,items/name", { items: [{ name: "web", labels: { team: "amf" } }] }],
  ["items/labels/tier", { items: [{ labels: {} }] }],
  ["items(name),items/networkTier", { items: [{ name: "web", networkTier: "STANDARD" }] }],
  ["items/*/team", { items: [{ labels: { team: "amf" } }] }],
  ["nextPageToken", {}],
])("of the answer %s is %j", async (fields, part) => {
  const { body } = await one.call("GET", addresses, undefined, { filter: "name = web", fields });
  expect(body).toEqual(part);
});

test.each([
  ["items/ipAddress", "ipAddress"],
  ["items(name", "at the end"],
  ["items(name))", ")"],
  ["items,,id", ",id"],
  ["items/name/first", "first"],
])("the part %s is refused", async (fields, wrong) => {
  expect(await one.call("GET", addresses, undefined, { fields })).toMatchObject({
    status: 400,
    body: {
      error: {
        message: `Invalid field selection ${wrong}`,
        errors: [{ domain: "global", reason: "invalidParameter" }],
      },
    },
  });
});

test.each([
  ["maxResults", "501", "Use a whole number from 0 to 500."],
  ["orderBy", "size", "Use name or creationTimestamp desc."],
  ["pageToken", "x", "It is no token of this list."],
])("refuses %s %s", async (field, value, why) => {
  expect(await one.call("GET", addresses, undefined, { [field]: value })).toMatchObject({
    status: 400,
    body: { error: { message: `Invalid value for field '${field}': '${value}'. ${why}` } },
  });
});
