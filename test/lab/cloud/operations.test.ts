// What holds while an operation is under way, and what makes two requests one.
import {
  A,
  R,
  addresses,
  group,
  groups,
  led,
  linkTo,
  populated,
  rule,
  rules,
  service,
  services,
  whole,
  type World,
} from "./support";

describe("while an operation is under way", () => {
  test("the same name is taken, what uses it has to wait, and so has another change of it", async () => {
    const { call } = populated({ operation: 1000 });
    expect((await call("POST", services, service([]))).status).toBe(200);
    expect(await call("POST", services, service([]))).toMatchObject({ status: 409 });
    const asked = { status: 400, body: { error: { errors: [{ reason: "resourceNotReady" }] } } };
    expect(await call("POST", rules, rule())).toMatchObject(asked);
    expect(await call("DELETE", `${services}/ipr-x`)).toMatchObject(asked);
  });

  test("what another operation has done meanwhile makes it end with an error, and nothing of it is done", async () => {
    const { call, clock, done, get } = await led({ operation: 1000 });
    await done("DELETE", `${rules}/ipr-x-1`);
    const first = await call("POST", rules, rule("first"));
    const second = await call("POST", rules, rule("second"));
    await clock.run(1000);
    const ended = async (begun: typeof first): Promise<object> =>
      (await call("GET", `${R}/operations/${String(begun.body["name"])}`)).body;
    expect(await ended(first)).not.toHaveProperty("error");
    expect(await ended(second)).toMatchObject({
      status: "DONE",
      httpErrorStatusCode: 400,
      httpErrorMessage: "BAD REQUEST",
      error: {
        errors: [
          {
            code: "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE",
            message: `The resource '${whole(addresses)}/web' is already being used by '${whole(rules)}/first'`,
          },
        ],
      },
    });
    expect((await get(`${addresses}/web`))["users"]).toEqual([linkTo(`${rules}/first`)]);
  });

  test("endpoints of one group can be attached side by side", async () => {
    const { call, clock, cloud, done } = populated({ operation: 1000 });
    cloud.make(A, "instances", { name: "gamma", networkInterfaces: [{}] });
    await done("POST", groups, group());
    for (const instance of ["alpha", "gamma"]) {
      const body = { networkEndpoints: [{ instance }] };
      expect((await call("POST", `${groups}/ipr-x/attachNetworkEndpoints`, body)).status).toBe(200);
    }
    expect(await call("DELETE", `${groups}/ipr-x`)).toMatchObject({ status: 400 });
    await clock.run(1000);
    expect((await call("GET", `${groups}/ipr-x`)).body).toMatchObject({ size: 2 });
  });
});

describe("a requestId", () => {
  const requestId = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

  test("is one operation, however often it is asked for, also when that is DONE", async () => {
    const { call, clock, cloud } = populated({ operation: 1000 });
    const ask = (): ReturnType<World["call"]> => call("POST", services, service([]), { requestId });
    const first = await ask();
    expect(first.body["clientOperationId"]).toBe(requestId);
    expect((await ask()).body["name"]).toBe(first.body["name"]);
    await clock.run(1000);
    expect((await ask()).body).toMatchObject({ name: first.body["name"], status: "DONE" });
    expect(cloud.state.everywhere("demo", "backendServices")).toHaveLength(1);
  });

  test("means nothing for another method", async () => {
    const { call, done } = populated();
    await done("POST", services, service([]));
    const first = await call("DELETE", `${services}/ipr-x`, undefined, { requestId });
    expect(first.body["operationType"]).toBe("delete");
    const other = await call("POST", addresses, { name: "fresh" }, { requestId });
    expect(other.body["operationType"]).toBe("insert");
  });

  test.each(["00000000-0000-0000-0000-000000000000", "17"])("is refused when it is %s", async (odd) => {
    const { call } = populated();
    expect(await call("POST", services, service([]), { requestId: odd })).toMatchObject({
      status: 400,
      body: {
        error: {
          message: `Invalid value for field 'requestId': '${odd}'. It must be a valid UUID, and not the zero UUID.`,
        },
      },
    });
  });
});
