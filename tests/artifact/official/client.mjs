// Calls the official client of a version, for as long as requests come: one a line, as JSON; so are the results.
//
// node client.mjs VERSION [HURRY]     with HURRY every wait is divided by it, for the tests of what is tried again
//
// A request: {"env": {…}, "action": "upload", "name": …, "files": […], "root": …, "options": {…}}, and so on.
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

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  Object.assign(process.env, request.env);
  const rss = process.memoryUsage.rss();
  const start = performance.now();
  let result;
  try {
    result = { value: await actions[request.action](request) };
  } catch (problem) {
    result = { error: String(problem?.message ?? problem) };
  }
  const seconds = (performance.now() - start) / 1000;
  const peak = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`\nRESULT ${JSON.stringify({ ...result, seconds, rss, peak })}\n`);
}
process.exit(0);
