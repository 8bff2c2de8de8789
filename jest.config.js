// One project per kind of real part, so that `PODPIN_TEST_ONLY=unit` names exactly what it leaves out.
const common = {
  rootDir: __dirname,
  transform: { "^.+\\.ts$": ["ts-jest", { tsconfig: "tsconfig.json", diagnostics: false }] },
  moduleNameMapper: {
    "^podpin$": "<rootDir>/lib/model/index.ts",
    "^podpin/pulumi$": "<rootDir>/lib/pulumi/index.ts",
    "^podpin/cdk8s$": "<rootDir>/lib/cdk8s/index.ts",
  },
  // Pulumi's protobuf globals outlive a suite; jest 30 would complain about each one it "soft deleted".
  testEnvironmentOptions: { globalsCleanup: "off" },
  modulePathIgnorePatterns: ["<rootDir>/dist", "<rootDir>/.lab"],
};

const project = (name, folders) => ({
  ...common,
  displayName: name,
  testMatch: folders.map((folder) => `<rootDir>/test/${folder}/**/*.test.ts`),
});

module.exports = {
  // A bound for what hangs, not for how fast the machine is. Jest reads it here alone, not in projects.
  testTimeout: 60_000,
  projects: [
    project("unit", [
      "model",
      "pulumi",
      "cdk8s",
      "crds",
      "controller",
      "agent",
      "kube",
      "liveness",
      "lab",
      "house",
      "cli",
      "sim",
      "chaos",
      "golden",
    ]),
    // The package as it is published, and its consumers; no real part is needed.
    project("package", ["package"]),
    project("kernel", ["kernel"]),
    project("cluster", ["cluster"]),
    project("engine", ["engine"]),
  ],
};
