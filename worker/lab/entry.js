// The laboratory's entry in workerd: every request is one call into the wasm module.
import module from "streamgage_lab_bg.wasm";
import { fetch, initSync } from "streamgage_lab.js";

initSync({ module });

export default { fetch };
