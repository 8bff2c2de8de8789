import { ESLint, type Linter } from "eslint";
import path from "node:path";
import config from "../../eslint.config.js";

const root = path.resolve(__dirname, "../..");

/** What the import rules say to one import statement in one (imagined) file. */
async function verdict(file: string, imported: string): Promise<string[]> {
  const eslint = new ESLint({
    cwd: root,
    overrideConfigFile: true,
    overrideConfig: [
      ...(config as Linter.Config[]),
      { files: ["**/*.ts"], languageOptions: { parserOptions: { projectService: false } } },
    ],
    // Only the directions are asked here; rules that need types cannot look at a file that does not exist.
    ruleFilter: ({ ruleId }) => ruleId === "no-restricted-imports",
  });
  const [result] = await eslint.lintText(`import x from "${imported}";\nexport const y = x;\n`, {
    filePath: path.join(root, file),
  });
  return result!.messages.filter(({ ruleId }) => ruleId === "no-restricted-imports").map(({ message }) => message);
}

describe("the directions of imports", () => {
  test.each([
    ["lib/model/x.ts", "@pulumi/pulumi"],
    ["lib/model/x.ts", "cdk8s"],
    ["lib/model/x.ts", "node:fs"],
    ["lib/model/x.ts", "../pulumi/pool"],
    ["lib/crds/x.ts", "../cdk8s/pool"],
    ["lib/pulumi/x.ts", "cdk8s"],
    ["lib/pulumi/x.ts", "../cdk8s/pool"],
    ["lib/pulumi/x.ts", "@pulumi/kubernetes"],
    ["lib/pulumi/x.ts", "@pulumi/gcp"],
    ["lib/cdk8s/x.ts", "@pulumi/pulumi"],
    ["lib/cdk8s/x.ts", "@pulumi/kubernetes/core/v1/namespace"],
    ["lib/cdk8s/x.ts", "../pulumi/pool"],
    ["lib/pulumi/x.ts", "../../lab/main"],
    ["controller-image/src/kube/x.ts", "../controller/decide"],
    ["controller-image/src/kube/x.ts", "../agent/plan"],
    ["controller-image/src/kube/x.ts", "../fabric/l2"],
    ["controller-image/src/liveness/x.ts", "../agent/plan"],
    ["controller-image/src/liveness/x.ts", "../controller/store"],
    ["controller-image/src/liveness/x.ts", "../fabric/l2"],
    ["controller-image/src/fabric/x.ts", "../agent/plan"],
    ["controller-image/src/fabric/x.ts", "../controller/decide"],
    ["controller-image/src/controller/x.ts", "../agent/plan"],
    ["controller-image/src/agent/x.ts", "../controller/decide"],
    ["controller-image/src/agent/x.ts", "../../../lab/main"],
  ])("%s may not import %s", async (file, imported) => {
    expect(await verdict(file, imported)).toHaveLength(1);
  });

  test.each([
    ["lib/pulumi/x.ts", "@pulumi/kubernetes/core/v1/namespace"],
    ["lib/pulumi/x.ts", "../model/pool"],
    ["lib/cdk8s/x.ts", "cdk8s"],
    ["lib/cdk8s/x.ts", "../crds/index"],
    ["controller-image/src/controller/x.ts", "../kube/api"],
    ["controller-image/src/controller/x.ts", "../../../lib/model/binding"],
    ["controller-image/src/agent/x.ts", "../fabric/l2"],
  ])("%s may import %s", async (file, imported) => {
    expect(await verdict(file, imported)).toEqual([]);
  });
});
