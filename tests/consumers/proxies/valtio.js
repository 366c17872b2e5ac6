import init, { Table } from "streamgage";
import { proxy } from "valtio/vanilla";
import { weeks } from "./weeks.js";

await init();
class InProxy {
  constructor() {
    return proxy({ table: new Table() }).table;
  }
}
console.log(weeks({ Table: InProxy }));
