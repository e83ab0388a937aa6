import { Outlet } from "@tanstack/react-router";
import { ConnectionBanner } from "@/app/ConnectionBanner";

/** Around every page, whoever is logged in. */
export function Frame() {
  return (
    <>
      <Outlet />
      <ConnectionBanner />
    </>
  );
}
