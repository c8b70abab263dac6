import { project } from "@container-kit/config/vitest";

export default project("context-sharing");
