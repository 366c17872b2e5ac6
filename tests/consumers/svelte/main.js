import { mount } from "svelte";
import Weeks from "./Weeks.svelte";

mount(Weeks, { target: document.getElementById("app") });
