import type { defineProject } from "vitest/config";

export declare const project: (name: string) => ReturnType<typeof defineProject>;
