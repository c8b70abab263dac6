import { expect, test } from "vitest";
import { defaultImage } from "./default-image.ts";

test.each([
  [{ name: "express-api", version: "1.2.3" }, "express-api:1.2.3"],
  [{ name: "@acme/Web_App", version: "1.0.0-rc.1+build.5" }, "acme-web-app:1.0.0-rc.1-build.5"],
  [{ name: "app" }, "app:latest"],
  [{ name: "app", version: "-x" }, "app:latest"],
  [{}, "my-folder:latest"],
  [{ name: "@/" }, "my-folder:latest"],
  [{ name: "a".repeat(300) }, `${"a".repeat(100)}:latest`],
])("%j becomes %s", (identity, image) => {
  expect(defaultImage(identity, "My Folder")).toBe(image);
});

test("a folder that yields no name is called app", () => {
  expect(defaultImage({}, "___")).toBe("app:latest");
});
