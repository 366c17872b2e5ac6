import init, * as streamgage from "streamgage/lists";
import { weeks } from "../../weeks.js";

export async function GET() {
  await init();
  return new Response(weeks(streamgage));
}
