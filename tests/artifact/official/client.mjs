// Calls one of the official clients. The request is JSON on standard input; the result is the last line of the output.
//
// {"client": "6.2.1", "action": "upload", "name": …, "files": […], "root": …, "options": {…}} and so on. With "hurry"
// every wait is divided by it, for the tests of what is tried again.
import { readFileSync } from "node:fs";

const request = JSON.parse(readFileSync(0, "utf8"));

if (request.hurry) {
  const { setTimeout: after, setInterval: every } = globalThis;
  globalThis.setTimeout = (call, wait, ...rest) => after(call, (wait ?? 0) / request.hurry, ...rest);
  globalThis.setInterval = (call, wait, ...rest) => every(call, (wait ?? 0) / request.hurry, ...rest);
}

const { DefaultArtifactClient } = await import(`artifact-${request.client}`);
const client = new DefaultArtifactClient();
const rss = process.memoryUsage.rss();

const actions = {
  upload: () => client.uploadArtifact(request.name, request.files, request.root, request.options),
  list: () => client.listArtifacts(),
  get: () => client.getArtifact(request.name),
  download: () => client.downloadArtifact(request.id, request.options),
  delete: () => client.deleteArtifact(request.name),
};

const start = performance.now();
let result;
try {
  result = { value: await actions[request.action]() };
} catch (problem) {
  result = { error: String(problem?.message ?? problem) };
}
const seconds = (performance.now() - start) / 1000;
const peak = process.resourceUsage().maxRSS * 1024;
process.stdout.write(`\n${JSON.stringify({ ...result, seconds, rss, peak })}\n`);
