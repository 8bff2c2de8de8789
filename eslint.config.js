// The directions of imports are part of the design, so they are rules: see "The house" in the README.
const tseslint = require("typescript-eslint");

/** Forbids imports in some files; each rule is a regular expression on what stands in the import, and the reason. */
const never = (files, ...rules) => ({
  files,
  rules: {
    "no-restricted-imports": ["error", { patterns: rules.map(([regex, message]) => ({ regex, message })) }],
  },
});

const PULUMI = ["^@pulumi/", "only lib/pulumi speaks Pulumi"];
const CDK8S = ["^(cdk8s|constructs)$", "only lib/cdk8s speaks cdk8s"];
const SDK_ROOTS = ["^@pulumi/(gcp|kubernetes)$", "import the leaf file: the root makes every user's preview slow"];
const LAB = ["^\\..*/lab/", "shipped code does not know the lab"];
const CONTROLLER = ["^\\..*/controller/", "nothing imports the controller"];
const AGENT = ["^\\..*/agent/", "nothing imports the agent"];
const FABRIC = ["^\\..*/fabric/", "src/kube and src/liveness know no fabric"];
const UP_FROM_LIB = ["^\\..*/controller-image/", "the library does not know the controller's code"];
const NODE = ["^node:", "lib/model and lib/crds are pure: no Node built-ins"];
const FRAMEWORKS = ["^\\..*/(pulumi|cdk8s|cli)(/|$)", "lib/model and lib/crds know no framework"];
const OTHER_FLAVOUR = (name) => [`^\\..*/${name}(/|$)`, "the flavours do not know each other"];

module.exports = tseslint.config(
  { ignores: ["dist/", ".lab/", ".bench/", "**/node_modules/", "coverage/"] },
  ...tseslint.configs.strict,
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: __dirname } },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-empty-object-type": "off",
      "no-restricted-syntax": ["error", { selector: "ExportDefaultDeclaration", message: "name what you export" }],
    },
  },
  { files: ["**/*.{js,cjs}"], rules: { "@typescript-eslint/no-require-imports": "off" } },
  { files: ["test/**/*.ts"], rules: { "@typescript-eslint/no-non-null-assertion": "off" } },
  never(["lib/model/**", "lib/crds/**"], PULUMI, CDK8S, NODE, FRAMEWORKS, UP_FROM_LIB, LAB),
  never(["lib/pulumi/**"], CDK8S, SDK_ROOTS, OTHER_FLAVOUR("cdk8s"), UP_FROM_LIB, LAB),
  never(["lib/cdk8s/**"], PULUMI, OTHER_FLAVOUR("pulumi"), UP_FROM_LIB, LAB),
  never(["lib/cli/**"], UP_FROM_LIB, LAB),
  never(["controller-image/src/kube/**"], PULUMI, CDK8S, CONTROLLER, AGENT, FABRIC, LAB),
  never(["controller-image/src/fabric/**"], PULUMI, CDK8S, CONTROLLER, AGENT, LAB),
  never(["controller-image/src/liveness/**"], PULUMI, CDK8S, CONTROLLER, AGENT, FABRIC, LAB),
  never(["controller-image/src/controller/**"], PULUMI, CDK8S, AGENT, LAB),
  never(["controller-image/src/agent/**"], PULUMI, CDK8S, CONTROLLER, LAB),
);
