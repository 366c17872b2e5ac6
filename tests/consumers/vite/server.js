import init, * as streamgage from "streamgage/lists";
import { weeks } from "./weeks.js";

export async function render() {
  await init();
  return weeks(streamgage);
}
