/** The link that `synapse up` prints: its key is exchanged for a session, and leaves the address at once. */
import { openSession } from "@/api/session";

/** True when there was a key in the address and it was good. */
export async function takeKeyFromAddress(): Promise<boolean> {
  const key = new URLSearchParams(location.hash.slice(1)).get("token");
  if (key === null) return false;
  // Where it stays it would be copied, shared and kept in the history.
  history.replaceState(null, "", location.pathname + location.search);
  return openSession(key).then(
    () => true,
    // A key that is refused leads to the login, as having none does.
    () => false,
  );
}
