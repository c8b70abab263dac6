import { defineConfig } from "tsup";
import { library } from "@container-kit/config/tsup";

export default defineConfig(library());
