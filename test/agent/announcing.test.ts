import { EventEmitter } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { ARP_FRAME_BYTES, gratuitousArp } from "../../controller-image/src/fabric/arp";
import type { Child, Commands } from "../../controller-image/src/fabric/commands";
import { l2Announcer, REPEAT_AFTER_MS } from "../../controller-image/src/fabric/l2";
import { StoppableProcess } from "../support/stoppable-process";
import { settle, VirtualClock } from "../support/virtual-clock";

const MAC = "02:00:00:00:00:01";
const UPLINK = { mac: MAC };

describe("gratuitous ARP", () => {
  test("is a request and a reply of 60 bytes each, to everybody, saying the same address twice", () => {
    const hex = gratuitousArp("198.51.100.7", MAC).toString("hex");
    const padding = "00".repeat(ARP_FRAME_BYTES - 42);
    const head = "ffffffffffff" + "020000000001" + "0806" + "0001" + "0800" + "06" + "04";
    const sender = "020000000001" + "c6336407";
    expect(hex.slice(0, 120)).toBe(`${head}0001${sender}000000000000c6336407${padding}`);
    expect(hex.slice(120)).toBe(`${head}0002${sender}ffffffffffffc6336407${padding}`);
  });

  test.each([
    ["300.1.1.1", MAC, 'ARP frame: got address "300.1.1.1"; it must be one IPv4 address'],
    ["198.51.100.7", "02:00", 'ARP frame: got hardware address "02:00"; it must be like 02:00:00:00:00:01'],
  ])("refuses %s at %s", (address, mac, message) => {
    expect(() => gratuitousArp(address, mac)).toThrow(message);
  });
});

/** Programs that only record what is written to them. */
class Recorder implements Commands {
  readonly started: string[][] = [];
  readonly frames: Buffer[] = [];
  readonly children: EventEmitter[] = [];

  run(): never {
    throw new Error("nothing is run here");
  }

  start(argv: readonly string[]): Child {
    this.started.push([...argv]);
    const events = new EventEmitter();
    this.children.push(events);
    const stdin = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.frames.push(chunk);
        done();
      },
    });
    return {
      stdin,
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      onExit: (callback) => void events.once("exit", callback),
      kill: () => void events.emit("exit", "signal SIGTERM"),
    };
  }
}

describe("the announcer", () => {
  const setup = () => {
    const commands = new Recorder();
    const clock = new VirtualClock();
    const announcer = l2Announcer({ uplink: "eth0", commands, clock, log: () => undefined });
    return { commands, clock, announcer };
  };

  test("starts one socat, when it is first needed, that sends 60-byte frames on the uplink", async () => {
    const { commands, announcer } = setup();
    expect(commands.started).toEqual([]);
    await announcer.announce("198.51.100.7", UPLINK);
    await announcer.announce("198.51.100.8", UPLINK);
    expect(commands.started).toEqual([["socat", "-u", "-b", "60", "STDIN", "INTERFACE:eth0"]]);
    expect(commands.frames).toEqual([gratuitousArp("198.51.100.7", MAC), gratuitousArp("198.51.100.8", MAC)]);
  });

  test("starts it before it is needed where it may be soon, and not again and again where it ends", async () => {
    const { commands, announcer } = setup();
    announcer.getReady();
    announcer.getReady();
    await announcer.announce("198.51.100.7", UPLINK);
    expect([commands.started.length, commands.frames]).toEqual([1, [gratuitousArp("198.51.100.7", MAC)]]);
    commands.children[0]?.emit("exit", "exit status 1");
    announcer.getReady();
    expect(commands.started).toHaveLength(1);
    await announcer.announce("198.51.100.8", UPLINK);
    announcer.getReady();
    expect(commands.started).toHaveLength(2);
    announcer.close();
    announcer.getReady();
    expect(commands.started).toHaveLength(2);
  });

  test("repeats after 1, 5 and 30 s and then no more", async () => {
    const { commands, clock, announcer } = setup();
    await announcer.announce("198.51.100.7", UPLINK);
    const sentAt: number[] = [];
    for (let count = commands.frames.length; clock.pending > 0;) {
      await clock.run(clock.untilNext ?? 0);
      await settle();
      if (commands.frames.length > count) sentAt.push(clock.now());
      count = commands.frames.length;
    }
    expect(sentAt).toEqual([...REPEAT_AFTER_MS]);
    expect(commands.frames).toHaveLength(4);
  });

  test("leaves out what a standstill of its process has delayed, as the address may be somebody else's by then", async () => {
    const time = new VirtualClock();
    const process = new StoppableProcess(time);
    const commands = new Recorder();
    const { clock } = process;
    const announcer = l2Announcer({ uplink: "eth0", commands, clock, log: () => undefined });
    await announcer.announce("198.51.100.7", UPLINK);
    process.stop();
    await time.run(3_000);
    process.resume();
    await settle();
    expect(commands.frames).toHaveLength(1);
    await time.run(10_000);
    expect(commands.frames).toHaveLength(2);
  });

  test("says nothing more once the address is somebody else's", async () => {
    const { commands, clock, announcer } = setup();
    await announcer.announce("198.51.100.7", UPLINK);
    announcer.silence("198.51.100.7");
    await clock.run(60_000);
    expect(commands.frames).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test("refuses to speak where the uplink is not there", async () => {
    const { commands, clock, announcer } = setup();
    await expect(announcer.announce("198.51.100.7", undefined)).rejects.toThrow(
      'there is no interface "eth0"; set --uplink',
    );
    expect([commands.started, clock.pending]).toEqual([[], 0]);
  });

  test("starts socat again when it has ended", async () => {
    const { commands, clock, announcer } = setup();
    await announcer.announce("198.51.100.7", UPLINK);
    commands.children[0]?.emit("exit", "exit code 1");
    await clock.run(1000);
    expect(commands.started).toHaveLength(2);
    expect(commands.frames).toHaveLength(2);
  });

  test("leaves neither a timer nor a program behind", async () => {
    const { commands, clock, announcer } = setup();
    await announcer.announce("198.51.100.7", UPLINK);
    let ended = false;
    commands.children[0]?.once("exit", () => (ended = true));
    announcer.close();
    expect(ended).toBe(true);
    expect(clock.pending).toBe(0);
  });
});
