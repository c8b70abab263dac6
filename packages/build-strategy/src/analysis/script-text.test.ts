import { expect, test } from "vitest";
import { parseScript } from "./script-text.ts";

test.each([
  ["node server.js", [{ env: {}, argv: ["node", "server.js"] }]],
  [
    "NODE_ENV=production PORT=80 node 'my app.js'",
    [{ env: { NODE_ENV: "production", PORT: "80" }, argv: ["node", "my app.js"] }],
  ],
  ["cross-env A=1 node x.js", [{ env: { A: "1" }, argv: ["node", "x.js"] }]],
  ["exec node x.js", [{ env: {}, argv: ["node", "x.js"] }]],
  [
    "tsc && node dist/x.js",
    [
      { env: {}, argv: ["tsc"] },
      { env: {}, argv: ["node", "dist/x.js"] },
    ],
  ],
  ['node -e "a b"', [{ env: {}, argv: ["node", "-e", "a b"] }]],
])("%s is understood", (line, expected) => {
  expect(parseScript(line)).toEqual(expected);
});

test.each([
  "a | b",
  "a > b",
  "a; b",
  "a & b",
  "echo $HOME",
  "echo `id`",
  "ls *.js",
  'echo "$X"',
  "a || b",
  "a &&",
  "&& a",
  "a 'open",
  "A=1",
  "",
  "a\nb",
  "x".repeat(3000),
])("%j is left to a shell", (line) => {
  expect(parseScript(line)).toBe(null);
});
