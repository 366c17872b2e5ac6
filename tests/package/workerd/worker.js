// A Worker that responds to a corpus with the responses to its requests.
import init, * as streamgage from "streamgage/lists";
import { answers } from "./answers.js";

export default {
  async fetch(request) {
    await init();
    return Response.json(answers(streamgage, await request.json()));
  },
};
