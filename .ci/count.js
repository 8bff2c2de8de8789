// Adds up what jest and the lab wrote. A part that failed without a failed test to show for it counts as one failure, and
// so does a result that is missing: a run that tested nothing must not look like one that passed.
"use strict";
const { readFileSync } = require("node:fs");
const path = require("node:path");

const folder = path.resolve(__dirname, "../.lab");
let passed = 0;
let failed = 0;

const read = (file, count) => {
  try {
    const [good, bad] = count(JSON.parse(readFileSync(path.join(folder, file), "utf8")));
    passed += good;
    failed += bad;
  } catch (error) {
    console.log(`no result of ${file}: ${error.message}`);
    failed += 1;
  }
};

// A suite that cannot even start has no tests to count, and a skipped test is one that nobody saw pass.
const jest = ({ numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests, numTodoTests }) => [
  numPassedTests,
  numFailedTests + numRuntimeErrorTestSuites + numPendingTests + numTodoTests,
];
const lab = ({ ok, steps }) => {
  const bad = steps.filter((step) => !step.ok).length;
  return [steps.length - bad, ok ? bad : Math.max(1, bad)];
};

read("test-unit.json", jest);
read("test-real.json", jest);
read("test-kernel.json", jest);
read("report.json", lab);
read("report-gce.json", lab);

const partsFailed = Number(process.argv[2]);
if (partsFailed > 0 && failed === 0) failed = partsFailed;
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
