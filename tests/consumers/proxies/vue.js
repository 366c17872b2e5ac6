import init, { Table } from "streamgage";
import { reactive, ref } from "vue";
import { weeks } from "./weeks.js";

await init();
class InRef {
  constructor() {
    return ref(new Table()).value;
  }
}
class InReactive {
  constructor() {
    return reactive({ table: new Table() }).table;
  }
}
console.log(weeks({ Table: InRef }));
console.log(weeks({ Table: InReactive }));
