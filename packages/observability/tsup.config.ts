import { defineConfig } from "tsup";
import { library } from "@container-kit/config/tsup";

export default defineConfig(library(["src/index.ts", "src/otel.ts", "src/prometheus.ts"]));
