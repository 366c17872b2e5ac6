import { createApp } from "vue";
import Weeks from "./Weeks.vue";

createApp(Weeks).mount("#app");
