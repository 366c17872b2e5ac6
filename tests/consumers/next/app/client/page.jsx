import { Weeks } from "./weeks.jsx";

export default function Page() {
  return <Weeks />;
}
