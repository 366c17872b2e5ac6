import init, * as streamgage from "streamgage/lists";
import { weeks } from "./weeks.js";

init().then(() => {
  document.body.textContent = weeks(streamgage);
});
