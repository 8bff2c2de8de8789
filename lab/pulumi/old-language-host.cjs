// Loaded into every program that an old language host runs. Such a host stands between the program and the engine and passes
// on only the calls of its own day: the engine says that it has error hooks, and the program cannot register one. So the
// answer is put right here, and the SDK goes without, as it does with an old engine.
const Module = require("node:module");

const load = Module._load;
const mended = new WeakSet();

Module._load = function (request, ...rest) {
  const loaded = load.call(this, request, ...rest);
  const client = request.endsWith("/resource_grpc_pb") ? loaded?.ResourceMonitorClient : undefined;
  if (client !== undefined && !mended.has(client)) {
    mended.add(client);
    const ask = client.prototype.supportsFeature;
    client.prototype.supportsFeature = function (question, answer) {
      return ask.call(this, question, (error, response) => {
        if (question.getId() === "errorHooks") response?.setHassupport(false);
        answer(error, response);
      });
    };
  }
  return loaded;
};
