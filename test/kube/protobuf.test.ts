import fc from "fast-check";
import { FrameSplitter } from "../../controller-image/src/kube/frames";
import {
  readEvent,
  readList,
  readObjectMeta,
  readStatus,
  unwrapped,
} from "../../controller-image/src/kube/kubernetes-protobuf";
import { Message, ProtobufError } from "../../controller-image/src/kube/protobuf";
import { envelope, eventBytes, listBytes, message, metaBytes, statusBytes } from "../support/protobuf";

const META = {
  name: "amf-0",
  namespace: "core",
  uid: "0a1b",
  resourceVersion: "42",
  creationTimestamp: "2026-01-02T03:04:05Z",
  labels: { app: "amf", __proto__x: "1" },
};

describe("messages", () => {
  it("are read field by field, and what nobody takes is passed over", () => {
    const bytes = message([1, "first"], [2, 300], [3, message([1, "inner"])], [200, "last"]);
    const read: unknown[] = [];
    const all = new Message(bytes);
    while (all.next()) if (all.field === 2) read.push(all.number());
    expect(read).toEqual([300]);
    const inner = new Message(bytes);
    while (inner.next()) {
      if (inner.field === 3) {
        const nested = inner.message();
        while (nested.next()) read.push(nested.string());
      } else if (inner.field === 200) read.push(inner.string());
    }
    expect(read).toEqual([300, "inner", "last"]);
  });

  it("that end too early are refused, and nothing behind them is read", () => {
    const whole = message([1, "a name"]);
    const message_ = new Message(Buffer.concat([whole, Buffer.from("secret")]), 0, whole.length - 1);
    message_.next();
    expect(() => message_.string()).toThrow(ProtobufError);
  });

  it("of any bytes are read to an end or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const read of [readObjectMeta, readList, readEvent, readStatus, unwrapped]) {
          try {
            read(Buffer.from(bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(ProtobufError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("objects of Kubernetes", () => {
  it("keep the metadata that is read", () => {
    expect(readObjectMeta(message([1, metaBytes(META)]))).toEqual(META);
  });

  it("have labels by any name", () => {
    const labels = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
    const read = readObjectMeta(message([1, metaBytes({ name: "odd", labels })]));
    expect(JSON.stringify(read.labels)).toBe('{"__proto__":"x","constructor":"y"}');
  });

  it("come in lists with the version to watch from and where to go on", () => {
    const items = [message([1, metaBytes(META)]), message([1, metaBytes({ name: "other" })])];
    const list = readList(listBytes("99", items, "next page"));
    expect(list).toMatchObject({ resourceVersion: "99", continue: "next page" });
    expect(list.items.map((item) => readObjectMeta(item).name)).toEqual(["amf-0", "other"]);
  });

  it("come in events", () => {
    const event = readEvent(eventBytes("DELETED", message([1, metaBytes(META)])).subarray(4));
    expect(event.type).toBe("DELETED");
    expect(readObjectMeta(event.object).uid).toBe("0a1b");
  });

  it("say what went wrong as in JSON", () => {
    const status = readStatus(unwrapped(envelope(statusBytes(410, "Expired", "too old"), "Status")));
    expect(status).toEqual({ code: 410, reason: "Expired", message: "too old" });
  });
});

describe("frames", () => {
  const frame = (body: Buffer): Buffer => {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(body.length);
    return Buffer.concat([header, body]);
  };

  it("come out whole however they arrive", () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
    fc.assert(
      fc.property(bodies, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (given, sizes) => {
        const stream = Buffer.concat(given.map((body) => frame(Buffer.from(body))));
        const got: string[] = [];
        const splitter = new FrameSplitter((body) => got.push(body.toString("hex")));
        let at = 0;
        for (let i = 0; at < stream.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          splitter.push(stream.subarray(at, at + size));
          at += size;
        }
        expect(got).toEqual(given.map((body) => Buffer.from(body).toString("hex")));
      }),
      { numRuns: 500 },
    );
  });

  it("that are too long are dropped, and the next one is read", () => {
    for (const size of [1, 3, 7, 1000]) {
      const got: string[] = [];
      const dropped: number[] = [];
      const splitter = new FrameSplitter(
        (body) => got.push(body.toString()),
        (bytes) => dropped.push(bytes),
        10,
      );
      const stream = Buffer.concat(["small", "much too long for it", "next"].map((text) => frame(Buffer.from(text))));
      for (let at = 0; at < stream.length; at += size) splitter.push(stream.subarray(at, at + size));
      expect({ size, got, dropped }).toEqual({ size, got: ["small", "next"], dropped: [20] });
    }
  });
});
