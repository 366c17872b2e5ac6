import { StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { Weeks } from "./Weeks.jsx";

const commits = [
  { id: 1, apex_user_id: 7, repo_id: 3, author_local_date: "2026-06-02T09:30:00", haloc: 12, impact: 4.5 },
];

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <Suspense>
      <Weeks commits={commits} />
    </Suspense>
  </StrictMode>,
);
