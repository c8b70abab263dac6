import { frameworks } from "./frameworks.ts";
import { managers } from "./package-managers.ts";
import { programs } from "./programs.ts";
import type { TemplateCase } from "./template-case.ts";
import { workspaces } from "./workspaces.ts";

export const templateCases: readonly TemplateCase[] = [...programs, ...managers, ...frameworks, ...workspaces];
