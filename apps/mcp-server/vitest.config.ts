import { project } from "@container-kit/config/vitest";

export default project("mcp-server");
