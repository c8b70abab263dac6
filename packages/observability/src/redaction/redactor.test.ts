import { inspect } from "node:util";
import { expect, test } from "vitest";
import { createRedactor, MASK, Secret } from "../index.ts";

test("a secret cannot be printed by any ordinary means", () => {
  const secret = new Secret("hunter22");
  const printed = [
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true }),
    Object.keys(secret).join(),
  ];
  for (const text of printed) expect(text).not.toContain("hunter22");
  expect(secret.reveal()).toBe("hunter22");
});

test("of two learned secrets that begin alike the longer one leaves nothing", () => {
  const redactor = createRedactor();
  for (const secret of ["hunter22", "hunter22-and-more", "hunter22-and"]) redactor.learn(secret);
  expect(redactor.text("hunter22-and-more hunter22")).toBe(`${MASK} ${MASK}`);
});

test("a learned secret is masked in running text, URL-encoded, escaped and in base64", () => {
  const redactor = createRedactor();
  const secret = 'pa:"ss wörd?';
  redactor.learn(new Secret(secret));
  const inBase64 = (["base64", "base64url"] as const).map((encoding) => Buffer.from(secret).toString(encoding));
  const encodings = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), ...inBase64];
  for (const encoding of encodings) expect(redactor.text(`before ${encoding} after`)).toBe(`before ${MASK} after`);
});

test.each([
  ["https://user:pass@example.com/x", `https://${MASK}@example.com/x`],
  ["Authorization: Basic dXNlcjpwYXNz", `Authorization: ${MASK}`],
  ["sent bearer abcdefghijklmnopqrstuvwxyz", `sent bearer ${MASK}`],
  ["RUN NPM_TOKEN=npm_abc123 npm ci", `RUN NPM_TOKEN=${MASK} npm ci`],
  ['{"password": "pw1", "user": "u"}', `{"password": "${MASK}", "user": "u"}`],
  ["login --password pw1 --user u", `login --password ${MASK} --user u`],
  ['DB_PASSWORD="two words" next', `DB_PASSWORD=${MASK} next`],
  ['DB_PASSWORD="cut off', `DB_PASSWORD="${MASK}`],
  ['{"password": "pa\\"ss", "user": "u"}', `{"password": "${MASK}", "user": "u"}`],
  [JSON.stringify({ body: JSON.stringify({ token: "t1", a: 1 }) }), `{"body":"{\\"token\\":\\"${MASK}\\",\\"a\\":1}"}`],
  [`sent ghp_${"a1B2".repeat(9)} away`, `sent ghp_${MASK} away`],
  [`jwt eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl!`, `jwt eyJ${MASK}!`],
  ["Authorization: token abcdef", `Authorization: ${MASK}`],
  ['{"auths": {"r:5000": {"auth": "dTpw"}}}', `{"auths": {"r:5000": {"auth": "${MASK}"}}}`],
  [JSON.stringify('{"auth":"dTpw"}'), `"{\\"auth\\":\\"${MASK}\\"}"`],
  [`key sk-ant-${"a1B2".repeat(9)} AIza${"a1B2".repeat(9)}`, `key sk-ant-${MASK} AIza${MASK}`],
  ["-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\nabc=\n-----END", `-----BEGIN EC PRIVATE KEY-----${MASK}-----END`],
])("an unannounced credential is masked: %s", (input, expected) => {
  expect(createRedactor().text(input)).toBe(expected);
});

test.each([
  "node:20-slim",
  "npm_config_registry",
  "exit code: 1",
  "https://example.com/a@b",
  "sha256:" + "f".repeat(64),
  "tokens left: 5",
])("ordinary text stays as it is: %s", (text) => {
  expect(createRedactor().text(text)).toBe(text);
});

test("values under secret names are masked at any depth, others stay", () => {
  const redacted = createRedactor().value({
    user: "u",
    list: [{ password: "p", "registry.token": "t" }],
    port: 5000,
    none: null,
  });
  expect(redacted).toEqual({ user: "u", list: [{ password: MASK, "registry.token": MASK }], port: 5000, none: null });
});

test("keys are recognised as a secret's however they are written", () => {
  const keys = [
    "PGPASSWORD",
    "dbPassword",
    "NPM_TOKEN",
    "authToken",
    "apiKey",
    "registry.auth",
    "keyPassphrase",
    "TOKEN_FOR_CI",
  ];
  for (const key of keys) expect(createRedactor().value({ [key]: "v" })).toEqual({ [key]: MASK });
  for (const key of ["author", "tokens", "credentialSource", "secretary", "keyboard", "SECRET_FILE", "API_TOKEN_URL"])
    expect(createRedactor().value({ [key]: "v" })).toEqual({ [key]: "v" });
});

test("a hostile text of one megabyte is redacted without freezing", () => {
  const redactor = createRedactor();
  for (const unit of [
    "a",
    "A_",
    "password=",
    "basic ",
    "a://",
    "'",
    '"token":"',
    "\\\\",
    "x-registry-auth:",
    "eyJa.",
    '"auth":"',
    "sk-ant-",
  ]) {
    const started = process.cpuUsage().user;
    redactor.text(unit.repeat(Math.ceil(1_000_000 / unit.length)));
    expect(process.cpuUsage().user - started).toBeLessThan(20_000_000);
  }
});

test("a redactor for announced secrets alone leaves everything else as it is", () => {
  const redactor = createRedactor({ announcedOnly: true });
  redactor.learn("hunter22");
  const text = "RUN NPM_TOKEN=npm_abc123 npm ci https://user:pass@example.com/x";
  expect(redactor.text(`${text} hunter22`)).toBe(`${text} ${MASK}`);
  expect(redactor.value({ password: "p", step: ["hunter22"] })).toEqual({ password: "p", step: [MASK] });
});

test("what holds no secret is given back as it is, not as a copy", () => {
  const redactor = createRedactor();
  for (let index = 0; index < 20; index += 1) redactor.learn(`secret number ${index}`);
  const result = { tags: ["a:1"], nested: { size: 1, none: null, url: "https://example.com/x?a=b" }, at: Number.NaN };
  expect(redactor.value(result)).toBe(result);
  const changed = redactor.value({ kept: result, log: "it was secret number 7" });
  expect(changed).toEqual({ kept: result, log: `it was ${MASK}` });
  expect(changed.kept).toBe(result);
});

test("a secret is found within something longer that is in base64, wherever it begins", () => {
  const redactor = createRedactor();
  redactor.learn("correct horse battery");
  for (const user of ["u", "us", "use"]) {
    const encoded = Buffer.from(`${user}:correct horse battery`).toString("base64");
    const masked = redactor.text(`X: ${encoded}`);
    expect(masked).toContain(MASK);
    expect(Buffer.from(masked.slice(3), "base64").toString()).not.toContain("horse");
  }
});

test("a secret of several lines is masked although each of them comes by itself", () => {
  const redactor = createRedactor();
  redactor.learn("first line of it\n  second line of it\r\nend\n");
  const log = ["#7 0.1 first line of it", "#7 0.2 second line of it", "#7 0.3 end"];
  expect(log.map((line) => redactor.text(line))).toEqual([`#7 0.1 ${MASK}`, `#7 0.2 ${MASK}`, "#7 0.3 end"]);
});

test("what is no JSON becomes such: errors, maps, bytes, circles, strangers that throw", () => {
  const redactor = createRedactor();
  redactor.learn("hunter22");
  redactor.learn("12345678");
  const circle: Record<string, unknown> = { "key hunter22": 1 };
  circle["self"] = circle;
  const error = Object.assign(new Error("outer", { cause: new Error("hunter22") }), { code: "X", password: "p" });
  const broken = {
    get password(): string {
      throw new Error("no getter");
    },
    toJSON: undefined,
    neighbour: "hunter22",
  };
  const stranger = new Proxy(new URL("https://example.com"), {
    getPrototypeOf() {
      throw new Error("no proxy");
    },
  });
  const masked: unknown = redactor.value({ circle, error, broken, stranger, big: 12345678n, number: -12345678 });
  expect(masked).toMatchObject({
    circle: { [`key ${MASK}`]: 1, self: "[circular]" },
    error: { message: "outer", code: "X", password: MASK, cause: { message: MASK } },
    broken: { password: MASK, neighbour: MASK },
    stranger: "[unreadable]",
    big: MASK,
    number: `-${MASK}`,
  });
  const maps = new Map([
    ["token", "t"],
    ["a", "hunter22"],
  ]);
  const others = {
    maps,
    set: new Set(["hunter22"]),
    bytes: Buffer.from("hunter22"),
    password: 1234,
    date: new Date(0),
  };
  const plain: unknown = redactor.value({ ...others, url: new URL("https://u:p@example.com/") });
  expect(plain).toEqual({
    maps: { token: MASK, a: MASK },
    set: [MASK],
    bytes: "[8 bytes]",
    password: MASK,
    date: "1970-01-01T00:00:00.000Z",
    url: `https://${MASK}@example.com/`,
  });
});
