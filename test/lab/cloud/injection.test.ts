// What goes wrong on purpose.
import { ConnectionLost } from "../../../lab/cloud";
import { A, B, R, addresses, groups, leader, led, linkTo, populated, rule, rules, services } from "./support";

const insert = { name: "fresh" };

describe("a fault", () => {
  test("refuses the calls that it names, from the nth one on and so many times", async () => {
    const { call, cloud } = populated();
    cloud.faults.add({
      calls: "addresses.insert",
      after: 1,
      times: 2,
      refuse: { status: 503, reason: "backendError" },
    });
    const statuses: number[] = [];
    for (const name of ["a", "b", "c", "d"]) statuses.push((await call("POST", addresses, { name })).status);
    expect(statuses).toEqual([200, 503, 503, 200]);
    expect((await call("GET", addresses)).status).toBe(200);
  });

  test("names calls by service, or by a pattern on verb and path", async () => {
    const { call, cloud } = populated();
    const end = cloud.faults.add({ calls: "addresses.*", refuse: { status: 429, reason: "rateLimitExceeded" } });
    expect((await call("GET", addresses)).status).toBe(429);
    end();
    cloud.faults.add({ calls: /^GET .*\/addresses\/web$/, refuse: { status: 500, reason: "backendError" } });
    expect((await call("GET", `${addresses}/web`)).status).toBe(500);
    expect((await call("GET", addresses)).status).toBe(200);
  });

  test("hits by chance as often as it says, the same way for the same seed", async () => {
    const hits = async (): Promise<string> => {
      const { call, cloud } = populated();
      cloud.faults.add({ probability: 0.5, refuse: { status: 500, reason: "backendError" } });
      let text = "";
      for (let i = 0; i < 40; i++) text += (await call("GET", addresses)).status === 500 ? "x" : ".";
      return text;
    };
    const first = await hits();
    expect(first).toBe(await hits());
    expect(first.match(/x/g)?.length).toBeGreaterThan(5);
    expect(first.match(/\./g)?.length).toBeGreaterThan(5);
  });

  test("makes answers late, by a fixed time or one between two", async () => {
    const { call, clock, cloud } = populated();
    cloud.faults.add({ calls: "addresses.list", latency: 700 });
    await call("GET", addresses);
    expect(clock.now()).toBe(700);
    cloud.faults.add({ calls: "addresses.list", latency: { from: 100, to: 200 } });
    await call("GET", addresses);
    expect(clock.now()).toBeGreaterThanOrEqual(800);
    expect(clock.now()).toBeLessThanOrEqual(900);
  });

  test("makes an operation slow, or never end; what it concerns is not ready meanwhile", async () => {
    const { call, clock, cloud } = populated();
    cloud.faults.add({ calls: "addresses.insert", operation: 5000, times: 1 });
    const begun = await call("POST", addresses, insert);
    await clock.run(4999);
    expect((await call("GET", `${addresses}/fresh`)).status).toBe(404);
    await clock.run(1);
    expect((await call("GET", `${addresses}/fresh`)).status).toBe(200);
    expect((await call("GET", `${R}/operations/${String(begun.body["name"])}`)).body["status"]).toBe("DONE");

    cloud.faults.add({ calls: "addresses.delete", operation: "never", times: 1 });
    await call("DELETE", `${addresses}/fresh`);
    await clock.run(86_400_000);
    expect(cloud.underWay).toBe(1);
    expect(await call("DELETE", `${addresses}/fresh`)).toMatchObject({ status: 400 });
  });

  test("ends an operation with an error, and nothing is done", async () => {
    const { cloud, done } = populated();
    const operationError = { status: 403, reason: "quotaExceeded", message: "Quota 'STATIC_ADDRESSES' exceeded." };
    cloud.faults.add({ calls: "addresses.insert", operationError, times: 1 });
    expect(await done("POST", addresses, insert)).toMatchObject({
      status: "DONE",
      httpErrorStatusCode: 403,
      httpErrorMessage: "FORBIDDEN",
      error: { errors: [{ code: "QUOTA_EXCEEDED", message: "Quota 'STATIC_ADDRESSES' exceeded." }] },
    });
    expect(cloud.state.get(`projects/demo/${addresses}/fresh`)).toBeUndefined();
    expect(await done("POST", addresses, insert)).not.toHaveProperty("error");
  });

  test("ends the connection before anything is done, or when all is done", async () => {
    const { call, clock, cloud } = populated();
    cloud.faults.add({ calls: "addresses.insert", reset: "before", times: 1 });
    await expect(call("POST", addresses, insert)).rejects.toThrow(ConnectionLost);
    await clock.run(1000);
    expect((await call("GET", `${addresses}/fresh`)).status).toBe(404);
    cloud.faults.add({ calls: "addresses.insert", reset: "after", times: 1 });
    await expect(call("POST", addresses, insert)).rejects.toThrow(ConnectionLost);
    await clock.run(1000);
    expect((await call("GET", `${addresses}/fresh`)).status).toBe(200);
  });

  test("leaves a call without an answer until whoever made it goes away", async () => {
    const { clock, cloud } = populated();
    cloud.faults.add({ calls: "addresses.list", hang: true });
    const gone = new AbortController();
    const ends: string[] = [];
    const path = `/compute/v1/projects/demo/${addresses}`;
    void cloud.handle({ method: "GET", path, signal: gone.signal }).catch((error: Error) => ends.push(error.name));
    await clock.run(3_600_000);
    expect(ends).toEqual([]);
    gone.abort();
    await clock.run(0);
    expect(ends).toEqual(["ConnectionLost"]);
  });

  test("makes `wait` answer early; without it, it holds until DONE and two minutes at most", async () => {
    const { call, clock, cloud } = populated({ operation: 1_000_000 });
    const { body } = await call("POST", addresses, insert);
    const wait = `${R}/operations/${String(body["name"])}/wait`;
    cloud.faults.add({ calls: "regionOperations.wait", earlyWaitMs: 3000, times: 1 });
    expect((await call("POST", wait)).body["status"]).toBe("PENDING");
    expect(clock.now()).toBe(3000);
    expect((await call("POST", wait)).body["status"]).not.toBe("DONE");
    expect(clock.now()).toBe(123_000);
  });

  test("shows reads what was there before, and lists as well", async () => {
    const { call, clock, cloud, done } = await led();
    await clock.run(60_000);
    const { body } = await call("GET", `${services}/ipr-x`);
    const { fingerprint } = body;
    await done("PATCH", `${services}/ipr-x`, { fingerprint, haPolicy: { leader: leader(B, "beta") } });
    await done("DELETE", `${rules}/ipr-x-1`);
    cloud.faults.add({ calls: "regionBackendServices.get", staleMs: 30_000 });
    cloud.faults.add({ calls: "forwardingRules.list", staleMs: 30_000 });
    expect((await call("GET", `${services}/ipr-x`)).body).toEqual(body);
    expect((await call("GET", rules)).body["items"]).toHaveLength(1);
    await clock.run(30_000);
    expect((await call("GET", `${services}/ipr-x`)).body["fingerprint"]).not.toBe(fingerprint);
    expect((await call("GET", rules)).body).not.toHaveProperty("items");
  });
});

describe("a condition", () => {
  test("takes a permission away and gives it back; the error names it and the resource", async () => {
    const { call, cloud } = await led();
    cloud.conditions.revoke("compute.regionBackendServices.update");
    const message =
      "Required 'compute.regionBackendServices.update' permission for " +
      "'projects/demo/regions/us-central1/backendServices/ipr-x'";
    expect(await call("PATCH", `${services}/ipr-x`, {})).toEqual({
      status: 403,
      body: { error: { code: 403, message, errors: [{ message, domain: "global", reason: "forbidden" }] } },
    });
    expect((await call("GET", `${services}/ipr-x`)).status).toBe(200);
    cloud.conditions.giveBack("compute.regionBackendServices.update");
    expect((await call("PATCH", `${services}/ipr-x`, {})).status).toBe(412);
  });

  test("limits a quota: what is being made counts, and what is deleted is free again", async () => {
    const { call, clock, cloud, done, get } = await led();
    cloud.make(R, "addresses", { name: "spare", address: "203.0.113.9" });
    const next = (name: string): object => rule(name, { IPAddress: "203.0.113.9" });
    cloud.conditions.setQuota("EXTERNAL_NETWORK_LB_FORWARDING_RULES", 2);
    expect((await call("POST", rules, next("second"))).status).toBe(200);
    const refused = await call("POST", rules, next("third"));
    expect(refused).toMatchObject({
      status: 403,
      body: {
        error: {
          message: "Quota 'EXTERNAL_NETWORK_LB_FORWARDING_RULES' exceeded.  Limit: 2.0 in region us-central1.",
          errors: [{ reason: "quotaExceeded" }],
        },
      },
    });
    await clock.run(1000);
    const { quotas } = (await get(R)) as { quotas: readonly object[] };
    expect(quotas).toContainEqual({ metric: "EXTERNAL_NETWORK_LB_FORWARDING_RULES", limit: 2, usage: 2 });
    await done("DELETE", `${rules}/second`);
    expect((await call("POST", rules, next("third"))).status).toBe(200);
  });

  test("limits calls per minute, each group by itself, full again at the next whole minute", async () => {
    const { call, clock, cloud } = populated();
    await clock.run(50_000);
    cloud.conditions.setRates({ perMinute: 2 });
    const statuses = async (method: string, path: string): Promise<number[]> => {
      const found: number[] = [];
      for (let i = 0; i < 3; i++) found.push((await call(method, path)).status);
      return found;
    };
    expect(await statuses("GET", `${addresses}/web`)).toEqual([200, 200, 403]);
    expect(await statuses("GET", addresses)).toEqual([200, 200, 403]);
    expect(await call("GET", addresses)).toMatchObject({
      body: { error: { errors: [{ reason: "rateLimitExceeded" }] } },
    });
    await clock.run(9999);
    expect((await call("GET", addresses)).status).toBe(403);
    await clock.run(1);
    expect((await call("GET", addresses)).status).toBe(200);
  });

  test("asks for a token, and refuses one that has expired", async () => {
    const { cloud } = populated();
    cloud.conditions.acceptTokens(["good"]);
    const path = `/compute/v1/projects/demo/${addresses}`;
    const status = async (authorization?: string): Promise<number> => {
      const headers = authorization === undefined ? undefined : { authorization };
      return (await cloud.handle({ method: "GET", path, headers })).status;
    };
    expect([await status(), await status("Bearer bad"), await status("Bearer good")]).toEqual([401, 401, 200]);
    cloud.conditions.acceptTokens([]);
    expect(await status("Bearer good")).toBe(401);
  });

  test("loses a zone: its calls fail, lists say that it is missing, and nobody there gets packets", async () => {
    const { call, cloud } = await led();
    cloud.conditions.loseZone("us-central1-a");
    expect(await call("GET", `${groups}/ipr-x`)).toMatchObject({
      status: 503,
      body: { error: { errors: [{ reason: "backendError" }] } },
    });
    const { body } = await call("GET", "aggregated/networkEndpointGroups");
    expect(body).toMatchObject({
      unreachables: ["projects/demo/zones/us-central1-a"],
      items: {
        "zones/us-central1-a": { warning: { code: "UNREACHABLE" } },
        "zones/us-central1-b": { networkEndpointGroups: [{ name: "ipr-x" }] },
      },
    });
    expect(cloud.delivery.deliver("203.0.113.7")).toBeUndefined();
    const { fingerprint } = (await call("GET", `${services}/ipr-x`)).body;
    const patch = { fingerprint, haPolicy: { leader: leader(B, "beta") } };
    expect((await call("PATCH", `${services}/ipr-x`, patch)).status).toBe(200);
    cloud.conditions.restoreZone("us-central1-a");
    expect((await call("GET", `${groups}/ipr-x`)).status).toBe(200);
  });

  test("a VM that vanishes leaves its groups; the service that it led can be led elsewhere, by one PATCH", async () => {
    const { call, cloud, done, get } = await led();
    cloud.vanish("us-central1-a", "alpha");
    expect(cloud.delivery.deliver("203.0.113.7")).toBeUndefined();
    expect(await get(`${groups}/ipr-x`)).toMatchObject({ size: 0 });
    expect((await call("GET", `${A}/instances/alpha`)).status).toBe(404);
    const { fingerprint, haPolicy } = await get(`${services}/ipr-x`);
    expect(haPolicy).toMatchObject({ leader: { networkEndpoint: { instance: "alpha" } } });
    await done("PATCH", `${services}/ipr-x`, { fingerprint, haPolicy: { leader: leader(B, "beta") } });
    expect(cloud.delivery.deliver("203.0.113.7")?.instance).toBe("beta");
    await done("POST", `${R}/forwardingRules/ipr-x-1/setLabels`, {
      labels: { route: "x" },
      labelFingerprint: (await get(`${rules}/ipr-x-1`))["labelFingerprint"],
    });
    expect(await get(`${rules}/ipr-x-1`)).toMatchObject({
      labels: { route: "x" },
      backendService: linkTo(`${services}/ipr-x`),
    });
  });
});
