// The whole life of a led address in virtual time, without a socket.
import { A, B, R, leader, led, linkTo, populated, rule, service } from "./support";

describe("the life of a led address", () => {
  test("a packet goes to the leader once everything is made, and to the next one after a PATCH", async () => {
    const { cloud, done, get } = await led();
    expect(cloud.delivery.deliver("203.0.113.7")).toEqual({
      project: "demo",
      zone: "us-central1-a",
      instance: "alpha",
      nic: "nic0",
    });
    const { fingerprint } = await get(`${R}/backendServices/ipr-x`);
    await done("PATCH", `${R}/backendServices/ipr-x`, { fingerprint, haPolicy: { leader: leader(B, "beta") } });
    expect(cloud.delivery.deliver("203.0.113.7")).toMatchObject({ instance: "beta", zone: "us-central1-b" });
  });

  test("nothing is left when it is taken down in order, and the address is free again", async () => {
    const { cloud, done, get } = await led();
    expect(await get(`${R}/addresses/web`)).toMatchObject({
      status: "IN_USE",
      users: [linkTo(`${R}/forwardingRules/ipr-x-1`)],
    });
    await done("DELETE", `${R}/forwardingRules/ipr-x-1`);
    await done("DELETE", `${R}/backendServices/ipr-x`);
    await done("DELETE", `${A}/networkEndpointGroups/ipr-x`);
    await done("DELETE", `${B}/networkEndpointGroups/ipr-x`);
    const address = await get(`${R}/addresses/web`);
    expect(address).toMatchObject({ status: "RESERVED" });
    expect(address).not.toHaveProperty("users");
    expect(cloud.delivery.deliver("203.0.113.7")).toBeUndefined();
    for (const collection of ["forwardingRules", "backendServices", "networkEndpointGroups"]) {
      expect(cloud.state.everywhere("demo", collection)).toEqual([]);
    }
  });

  test("a target instance gets the packets of its rules, and setTarget moves them", async () => {
    const { cloud, done } = populated();
    await done("POST", `${A}/targetInstances`, { name: "ti-a", instance: linkTo(`${A}/instances/alpha`) });
    await done("POST", `${B}/targetInstances`, { name: "ti-b", instance: linkTo(`${B}/instances/beta`) });
    const target = linkTo(`${A}/targetInstances/ti-a`);
    await done("POST", `${R}/forwardingRules`, rule("ipr-x-1", { backendService: undefined, target }));
    expect(cloud.delivery.deliver("203.0.113.7")?.instance).toBe("alpha");
    await done("POST", `${R}/forwardingRules/ipr-x-1/setTarget`, { target: linkTo(`${B}/targetInstances/ti-b`) });
    expect(cloud.delivery.deliver("203.0.113.7")?.instance).toBe("beta");
  });

  test("nothing is seen of a change before its operation is DONE", async () => {
    const { cloud, clock, call, done } = populated({ operation: 1000 });
    const { body } = await call("POST", `${R}/backendServices`, service([]));
    expect(body).toMatchObject({ kind: "compute#operation", status: "PENDING", operationType: "insert", progress: 0 });
    const name = String(body["name"]);
    clock.advance(500);
    expect((await call("GET", `${R}/operations/${name}`)).body).toMatchObject({ status: "RUNNING" });
    expect((await call("GET", `${R}/backendServices/ipr-x`)).status).toBe(404);
    expect(cloud.underWay).toBe(1);
    expect((await call("POST", `${R}/operations/${name}/wait`)).body).toMatchObject({ status: "DONE", progress: 100 });
    expect((await call("GET", `${R}/backendServices/ipr-x`)).status).toBe(200);
    await done("DELETE", `${R}/backendServices/ipr-x`);
  });
});
