import { isComputeEndpoint } from "../../lib/model/google-cloud";

test.each([
  "https://compute.googleapis.com/compute/v1",
  "https://compute.googleapis.com/compute/v1/",
  "https://us-central1-compute.p.example/compute/v1/",
  "http://127.0.0.1:8080/compute/v1/",
])("a Compute API can be at %s", (endpoint) => {
  expect(isComputeEndpoint(endpoint)).toBe(true);
});

test.each([
  "compute.googleapis.com",
  "https://compute.googleapis.com/",
  "https://compute.googleapis.com/compute/beta/",
  "ftp://compute.googleapis.com/compute/v1/",
  "https://somebody:secret@compute.googleapis.com/compute/v1/",
  "https://compute.googleapis.com/compute/v1/?key=value",
])("no Compute API is at %s", (endpoint) => {
  expect(isComputeEndpoint(endpoint)).toBe(false);
});
