"use client";
import { useEffect, useState } from "react";
import init, * as streamgage from "streamgage";
import { weeks } from "../../weeks.js";

export function Weeks() {
  const [text, setText] = useState("");
  useEffect(() => {
    init().then(() => setText(weeks(streamgage)));
  }, []);
  return <pre>{text}</pre>;
}
