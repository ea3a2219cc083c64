// Calls the official client of a version, for as long as requests come: one a line, as JSON; so are the results.
//
// node client.mjs VERSION [HURRY]     with HURRY every wait is divided by it, for the tests of what is tried again
//
// A request: {"env": {…}, "action": "upload", "name": …, "files": […], "root": …, "options": {…}}, and so on.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [version, hurry = "1"] = process.argv.slice(2);
const { setTimeout: after, setInterval: every } = globalThis;
globalThis.setTimeout = (call, wait, ...rest) => after(call, (wait ?? 0) / Number(hurry), ...rest);
globalThis.setInterval = (call, wait, ...rest) => every(call, (wait ?? 0) / Number(hurry), ...rest);

const { DefaultArtifactClient } = await import(`artifact-${version}`);
const client = new DefaultArtifactClient();

const actions = {
  upload: ({ name, files, root, options }) => client.uploadArtifact(name, files, root, options),
  list: () => client.listArtifacts(),
  download: ({ id, options }) => client.downloadArtifact(id, options),
  delete: ({ name }) => client.deleteArtifact(name),
};

// In bytes, by the kernel's own account.
const memory = (name) => Number(readFileSync("/proc/self/status", "utf8").match(`${name}:\\s+(\\d+)`)[1]) * 1024;

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  Object.assign(process.env, request.env);
  const rss = memory("VmRSS");
  const start = performance.now();
  let result;
  try {
    result = { value: await actions[request.action](request) };
  } catch (problem) {
    result = { error: String(problem?.message ?? problem) };
  }
  const seconds = (performance.now() - start) / 1000;
  process.stdout.write(`\nRESULT ${JSON.stringify({ ...result, seconds, rss, peak: memory("VmHWM") })}\n`);
}
process.exit(0);
